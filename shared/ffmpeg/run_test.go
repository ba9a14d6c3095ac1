package ffmpeg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestReadProgress(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   []time.Duration
	}{
		"ffmpeg 4.1":   {"frame=1\nout_time_ms=500000\nprogress=continue\nout_time_ms=1000000\nprogress=end\n", []time.Duration{500 * time.Millisecond, time.Second}},
		"ffmpeg 7":     {"out_time_us=500000\nout_time_ms=500000\nprogress=end\n", []time.Duration{500 * time.Millisecond}},
		"not yet":      {"out_time_us=N/A\nprogress=continue\n", []time.Duration{0}},
		"negative":     {"out_time_us=-100\nprogress=continue\n", []time.Duration{0}},
		"nothing":      {"", nil},
		"endless line": {strings.Repeat("x", 1<<20), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []time.Duration
			readProgress(strings.NewReader(test.output), func(position time.Duration) { got = append(got, position) })
			assert.Equal(t, test.want, got)
		})
	}
}

// script makes a program of the given shell lines.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700))
	return path
}

func TestRunTellsWhatWentWrong(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		kind  fault.Kind
		says  string
	}{
		"rejected":    {"echo broken header >&2; exit 1", fault.InvalidInput, "broken header"},
		"killed":      {"kill -9 $$", fault.Internal, "signal: killed"},
		"out of time": {"exec sleep 60", fault.DeadlineExceeded, "deadline"},
	} {
		for _, progress := range []func(time.Duration){nil, func(time.Duration) {}} {
			t.Run(fmt.Sprint(name, progress != nil), func(t *testing.T) {
				ctx := t.Context()
				if test.kind == fault.DeadlineExceeded {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				tools := &Tools{ffmpeg: script(t, test.lines)}
				err := tools.Run(ctx, Job{Input: "in", Output: "out", Progress: progress})
				assert.Equal(t, test.kind, fault.KindOf(err), err)
				assert.ErrorContains(t, err, test.says)
			})
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	kept := &tail{limit: 10}
	for _, part := range []string{"first ", "second ", "third ", strings.Repeat("x", 30), "the end"} {
		n, err := kept.Write([]byte(part))
		require.NoError(t, err)
		assert.Equal(t, len(part), n)
	}
	assert.Equal(t, ": xxxthe end", kept.suffix())
	assert.Empty(t, (&tail{}).suffix())
}

package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestKindOf(t *testing.T) {
	for name, test := range map[string]struct {
		err       error
		kind      fault.Kind
		retryable bool
	}{
		"nil":             {nil, "", false},
		"typed":           {fault.New(fault.NotFound, "x"), fault.NotFound, false},
		"wrapped":         {fmt.Errorf("op: %w", fault.New(fault.Transient, "x")), fault.Transient, true},
		"joined":          {errors.Join(io.EOF, fault.New(fault.Conflict, "x")), fault.Conflict, false},
		"deadline":        {fmt.Errorf("op: %w", context.DeadlineExceeded), fault.DeadlineExceeded, true},
		"cancelled":       {context.Canceled, fault.DeadlineExceeded, true},
		"anything else":   {io.EOF, fault.Internal, false},
		"typed wins":      {fault.New(fault.InvalidInput, "x: %w", context.Canceled), fault.InvalidInput, false},
		"outermost typed": {fault.New(fault.Internal, "x: %w", fault.New(fault.Transient, "y")), fault.Internal, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.kind, fault.KindOf(test.err))
			assert.Equal(t, test.retryable, fault.Retryable(test.err))
		})
	}
}

func TestErrorKeepsCauseAndText(t *testing.T) {
	err := fault.New(fault.InvalidInput, "read %s: %w", "a.jpg", io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualError(t, err, "read a.jpg: unexpected EOF")
}

func TestErrorOfSeveralCauses(t *testing.T) {
	err := fault.New(fault.Transient, "%w and %w", io.EOF, io.ErrClosedPipe)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestMessageShowsOnlyOurWords(t *testing.T) {
	foreign := errors.New("operation error S3: GetObject, RequestID: 17C, Post \"https://host/x\"")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nil":                     {nil, ""},
		"our words":               {fault.New(fault.InvalidInput, "files[%d].size: want 1 to %d", 2, 5), "files[2].size: want 1 to 5"},
		"a library's cause":       {fault.New(fault.NotFound, "get %s: no such object: %w", "s/a.jpg", foreign), "get s/a.jpg: no such object"},
		"in brackets":             {fault.New(fault.InvalidInput, "%s crashed (%w)", "ffmpeg", foreign), "ffmpeg crashed"},
		"nothing but a cause":     {fault.New(fault.Transient, "%w", foreign), "a service did not answer as it should; try again later"},
		"a cause of ours":         {fault.New(fault.InvalidInput, "keys[1]: %w", fault.New(fault.InvalidInput, "key %q is empty", "")), `keys[1]: key "" is empty`},
		"a cause of ours, deeper": {fault.New(fault.InvalidInput, "event: %w", fmt.Errorf("x: %w", fault.New(fault.InvalidInput, "too large: %w", foreign))), "event: too large"},
		"a detail":                {fault.New(fault.InvalidInput, "get %s%s: too large", fault.Detail("s3://bucket/"), "k"), "get k: too large"},
		"a wrapper of a library":  {fmt.Errorf("thumbnail of s/a.jpg: %w", fault.New(fault.NotFound, "no such object")), "no such object"},
		"a path on our disk":      {fault.New(fault.InvalidInput, "ffprobe: %s", "/tmp/thumbnail-12/original: Invalid data"), "ffprobe: the file: Invalid data"},
		"a quoted path":           {fault.New(fault.InvalidInput, "ffmpeg: %s", "Error opening 'file:/tmp/video-1/a b.mp4'"), "ffmpeg: Error opening 'the file b.mp4'"},
		"an internal error":       {fault.New(fault.Internal, "encode a %T", t), "an internal error; the log says which"},
		"no kind":                 {foreign, "an internal error; the log says which"},
		"the time":                {context.DeadlineExceeded, "the time ran out; try again"},
		"a percent sign":          {fault.New(fault.InvalidInput, "name %q: 100%% wrong", "%w"), `name "%w": 100% wrong`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, fault.Message(test.err))
		})
	}
}

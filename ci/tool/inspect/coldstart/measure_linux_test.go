package coldstart

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/invoke"
)

// compiled returns an image with the program in testdata: it reads what is linked last in it
// when it has an event, and starts itself as a tool when the event says so.
func compiled(t *testing.T) Subject {
	t.Helper()
	root := t.TempDir()
	program := filepath.Join(root, image.BootstrapPath)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var/task"), 0o755))
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "testdata/function.go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "opt"), 0o755))
	for _, name := range []string{"opt/read", "opt/never"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), bytes.Repeat([]byte(name), BlockSize/len(name)), 0o644))
	}
	files, err := ProgramAlone(program)
	require.NoError(t, err)
	for n, name := range []string{"opt/read", "opt/never"} {
		f, err := os.Open(filepath.Join(root, name))
		require.NoError(t, err)
		body, err := cut(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		files[name] = File{Layer: n + 1, Body: body}
	}
	return Subject{
		Image: "it", Root: root, Files: files, Layers: []image.Kind{image.KindBinary, image.KindBase, image.KindBase},
		Event: []byte(`"read"`), Options: invoke.Options{Name: "It", Logs: io.Discard},
	}
}

func nothing(context.Context) error { return nil }

func TestMeasure(t *testing.T) {
	s := compiled(t)
	starts, err := Measure(t.Context(), []Subject{s, s}, 2, nothing)
	require.NoError(t, err)
	require.Len(t, starts, 2)
	known := Set{s.Files["opt/read"].Blocks[0]: true}
	r := New([]Subject{s, s}, starts, known)
	it := r.Images[0]

	assert.Equal(t, 2, r.Starts)
	assert.Greater(t, it.Answer.Ms, it.Init.Ms)
	assert.Greater(t, it.Init.MemoryBytes, int64(1<<20))
	assert.GreaterOrEqual(t, it.Answer.MemoryBytes, it.Init.MemoryBytes)
	assert.Positive(t, it.Init.Blocks)
	assert.Equal(t, map[string]int{image.BootstrapPath: it.Init.Blocks}, it.Init.Files, "nothing beyond the program before the first event")
	assert.Equal(t, map[string]int{image.BootstrapPath: it.Answer.Blocks - 1, "opt/read": 1}, it.Answer.Files)
	assert.Zero(t, it.Init.Connections, "none but that to the Runtime API")
	assert.Equal(t, it.Answer.Blocks-1, *it.Answer.NewBlocks, "the file that it read is not new")
	assert.Equal(t, len(s.Files.Blocks(allLayers))-1, *it.NewBlocks)
	assert.Equal(t, []int{1, 0}, []int{it.Layers[1].Read, it.Layers[2].Read}, "one file was read, the other never")
	assert.Zero(t, r.SharedBlocks, "one image shares nothing")
}

// What a program reads in a process that the function starts counts too.
func TestMeasureOfATool(t *testing.T) {
	s := compiled(t)
	s.Event = []byte(`"tool"`)
	starts, err := Measure(t.Context(), []Subject{s, s}, 1, nothing)
	require.NoError(t, err)
	i := New([]Subject{s, s}, starts, nil).Images[0]
	assert.Greater(t, i.Answer.ToolsBytes, int64(50<<20), "the tool needs that much")
	assert.Nil(t, i.NewBlocks, "there is nothing to compare with")
}

func TestMeasureOfAFunctionThatDoesNotStart(t *testing.T) {
	s := compiled(t)
	s.Options.Env = []string{"FAIL=1"}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := Measure(ctx, []Subject{s}, 1, nothing)
	require.EqualError(t, err, "start it: the function ended before it asked for an event: exit status 3")
}

func TestPrint(t *testing.T) {
	two := 2
	r := &Report{
		Platform: "linux/amd64", Starts: 5, Since: "abc1234", SharedBlocks: 290,
		Hello: Image{Image: "hello", BinaryBytes: 5_800_000, Init: Phase{Ms: 9.2, MemoryBytes: 5_900_000, Blocks: 12}, Answer: Phase{Ms: 9.6, MemoryBytes: 6_100_000, Blocks: 12, NewBlocks: &two}, NewBlocks: &two},
		Images: []Image{{
			Image: "thumb", BinaryBytes: 10_200_000, Blocks: 312, NewBlocks: &two, Failed: "TransientError",
			Init:   Phase{Ms: 23.25, MemoryBytes: 9_700_000, Blocks: 20},
			Answer: Phase{Ms: 214.6, MemoryBytes: 10_900_000, ToolsBytes: 16_900_000, Blocks: 129, NewBlocks: &two},
			Layers: []Layer{{image.KindBase, 4, new(0), 0}, {image.KindFFmpeg, 288, new(0), 109}, {image.KindBinary, 20, &two, 20}},
		}},
		Missing: []string{unconfined},
	}
	for name, markdown := range map[string]bool{"print.txt": false, "print.md": true} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, r.Print(&b, markdown))
			testkit.Golden(t, name, b.Bytes())
		})
	}
}

package dev_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const api, enhance = "functions/media-lambda/", "functions/enhance-lambda/"

// serve is a package that speaks the Runtime API.
const serve = `package greet

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"time"
)

// Serve answers each event with what answer says; "sleep" takes a while, "exit" ends it.
func Serve(answer func(event string) string) {
	at := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		r, err := http.Get(at + "next")
		if err != nil {
			os.Exit(0)
		}
		event, _ := io.ReadAll(r.Body)
		if string(event) == "\"sleep\"" {
			os.Stdout.WriteString("asleep\n")
			time.Sleep(1500 * time.Millisecond)
		}
		if string(event) == "\"exit\"" {
			os.Exit(7)
		}
		r, err = http.Post(at+r.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader([]byte(answer(string(event)))))
		if err == nil {
			r.Body.Close()
		}
	}
}
`

// answering is the program of a function with a constant answer.
func answering(word string) string {
	return "package main\n\nimport \"lambdas.internal/shared/greet\"\n\nfunc main() {\n\tgreet.Serve(func(string) string { return \"\\\"" + word + " \" + greet.Word + \"\\\"\" })\n}\n"
}

// world is a session of two functions.
type world struct {
	*dev.Session
	root   string
	output *testkit.Buffer
}

// newWorld starts a session in a small workspace, changed.
func newWorld(t *testing.T, changes map[string]string, with ...func(*dev.Options)) *world {
	t.Helper()
	files := map[string]string{
		"shared/greet/serve.go": serve,
		api + "go.mod":          testkit.GoMod("lambdas.internal/functions/media-lambda", testkit.Shared),
		api + "main.go":         answering("api"),
		enhance + "main.go":     answering("enhance"),
	}
	for name, content := range changes {
		files[name] = content
	}
	root, kept := testkit.Workspace(t, files).Root, testkit.Cache(t)
	w := &world{root: root, output: &testkit.Buffer{}}
	o := dev.Options{Output: w.output, Load: func() (*build.Builder, []catalog.Function, error) {
		c, err := catalog.Load(root)
		if err != nil {
			return nil, nil, err
		}
		light, others := c.Functions[:0:0], 0
		for _, f := range c.Functions {
			if f.Variant == catalog.Light {
				light = append(light, f)
			} else {
				others++
			}
		}
		quiet := func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
		return &build.Builder{
			Catalog: c, Cache: kept, Lock: lock.New(testkit.Toolchain()), Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH}, BaseRef: "static", Offline: true, Step: quiet,
		}, light, nil
	}}
	for _, change := range with {
		change(&o)
	}
	var err error
	w.Session, err = dev.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// save writes sources, as an editor does.
func (w *world) save(t *testing.T, files map[string]string) {
	t.Helper()
	testkit.Write(t, w.root, files)
}

// call sends a function an empty event.
func (w *world) call(t *testing.T, image string) invoke.Response {
	t.Helper()
	f, ok := w.Function(image)
	require.True(t, ok, image)
	r, err := f.Invoke(t.Context(), []byte("{}"))
	require.NoError(t, err, w.output.String())
	return r
}

// becomes calls a function until its answer is the one that is awaited. Until then it is
// what it was, and nothing else.
func (w *world) becomes(t *testing.T, image, was, is string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; {
		r := w.call(t, image)
		require.Nil(t, r.Error, w.output.String())
		if string(r.Payload) == is {
			return
		}
		require.Equal(t, was, string(r.Payload), w.output.String())
	}
	require.Fail(t, "the answer stays "+was, w.output.String())
}

// says waits until the session has said something.
func (w *world) says(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(w.output.String(), text) }, patience, tick, "no %q in: %s", text, w.output.String())
}

// folders are those of sessions in the temporary folder.
func folders(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(os.TempDir(), "lambdas-dev-*"))
	require.NoError(t, err)
	return all
}

// patience is how long a test waits, and tick how often it looks.
const (
	patience = time.Minute
	tick     = 10 * time.Millisecond
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// testGoroot is where Go is.
func testGoroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

//go:build unix

package dev_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// What is saved is in the next answer: code, a package that several functions import, a file
// that is embedded, a file of the image, and a variable of image.json.
func TestASaveIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	assert.Equal(t, `"api hello"`, string(w.call(t, "api").Payload))
	assert.Equal(t, `"enhance hello"`, string(w.call(t, "enhance").Payload))

	w.save(t, map[string]string{api + "main.go": answering("edited")})
	w.becomes(t, "api", `"api hello"`, `"edited hello"`)
	assert.Equal(t, `"enhance hello"`, string(w.call(t, "enhance").Payload))
	assert.NotContains(t, w.output.String(), "enhance: new program", "it is not concerned")

	w.save(t, map[string]string{"shared/greet/a.go": "package greet\n\nconst Word = \"you\"\n"})
	w.becomes(t, "enhance", `"enhance hello"`, `"enhance you"`)
	w.becomes(t, "api", `"edited hello"`, `"edited you"`)

	// In a folder that is new.
	w.save(t, map[string]string{
		api + "text/word.txt": "a file",
		api + "text/text.go":  "package text\n\nimport _ \"embed\"\n\n//go:embed word.txt\nvar Word string\n",
		api + "main.go":       strings.Replace(strings.Replace(answering("api"), "greet.Word", "text.Word", 1), "import ", "import \"lambdas.internal/functions/media-lambda/text\"\nimport ", 1),
	})
	w.becomes(t, "api", `"edited you"`, `"api a file"`)
	w.save(t, map[string]string{api + "text/word.txt": "another file"})
	w.becomes(t, "api", `"api a file"`, `"api another file"`)

	description := strings.Replace(testkit.Description(t, catalog.Function{Image: "api", Variant: catalog.Light, Registry: catalog.Private, Lambda: "Api"}),
		"{", `{"files": ["word.txt"], "environment": {"GREETING": "good day"},`, 1)
	w.save(t, map[string]string{
		api + "word.txt":   "task",
		api + "image.json": description,
		api + "main.go":    strings.Replace(strings.Replace(answering("api"), "greet.Word", "os.Getenv(\"GREETING\") + read()", 1), "import ", "import \"os\"\nimport ", 1) + "\nfunc read() string { word, _ := os.ReadFile(\"word.txt\"); return string(word) }\n",
	})
	w.becomes(t, "api", `"api another file"`, `"api good daytask"`)
	w.save(t, map[string]string{api + "word.txt": "day"})
	w.becomes(t, "api", `"api good daytask"`, `"api good dayday"`)
}

func TestTheOldCodeServesUntilTheNewOneCompiles(t *testing.T) {
	w := newWorld(t, nil)
	w.call(t, "api")
	w.save(t, map[string]string{api + "main.go": "package main\n\nfunc main() { undefined() }\n"})
	w.says(t, "functions/media-lambda/main.go:3:15: undefined: undefined")

	r := w.call(t, "api")
	assert.Equal(t, `"api hello"`, string(r.Payload))
	require.NotNil(t, r.Stale)
	assert.Equal(t, "Dev.CompileError", r.Stale.Type)
	assert.Contains(t, r.Stale.Message, "main.go:3:15: undefined: undefined")
	assert.Nil(t, w.call(t, "enhance").Stale)
	w.says(t, "api: answered by the program of before")

	w.save(t, map[string]string{api + "image.json": "{"})
	w.says(t, "media-lambda/image.json: ")
	assert.Equal(t, "Dev.BuildError", w.call(t, "enhance").Stale.Type, "the workspace cannot be read")
	w.save(t, map[string]string{api + "image.json": testkit.Files(t)[api+"image.json"], api + "main.go": answering("api")})
	w.says(t, "api: the sources make the program of before again")
	require.Eventually(t, func() bool { return w.call(t, "api").Stale == nil }, time.Minute, time.Millisecond)

	w.save(t, map[string]string{api + "main.go": answering("new")})
	w.becomes(t, "api", `"api hello"`, `"new hello"`)
}

// A function that does not compile at the start is built when it is corrected.
func TestAFunctionThatNeverCompiled(t *testing.T) {
	w := newWorld(t, map[string]string{api + "main.go": "package main\n\nfunc main() { undefined() }\n"})
	r := w.call(t, "api")
	require.NotNil(t, r.Error)
	assert.Equal(t, "Dev.CompileError", r.Error.Type)
	assert.Equal(t, `"enhance hello"`, string(w.call(t, "enhance").Payload))
	running := w.Running("http://here", nil)
	assert.Contains(t, running.Functions[0].Error, "undefined: undefined")

	w.save(t, map[string]string{api + "main.go": answering("api")})
	require.Eventually(t, func() bool { return string(w.call(t, "api").Payload) == `"api hello"` }, time.Minute, time.Millisecond, w.output.String())
}

// An invocation that runs ends with the code with which it began.
func TestAnInvocationIsNotInterrupted(t *testing.T) {
	w := newWorld(t, nil)
	answer := make(chan string)
	f, _ := w.Function("api")
	go func() {
		r, err := f.Invoke(t.Context(), []byte(`"sleep"`))
		answer <- fmt.Sprint(string(r.Payload), err)
	}()
	w.says(t, "api     | asleep")
	w.save(t, map[string]string{api + "main.go": answering("new")})
	w.becomes(t, "enhance", "", `"enhance hello"`) // it does not wait for the other function
	assert.Equal(t, `"api hello"<nil>`, <-answer)
	w.becomes(t, "api", `"api hello"`, `"new hello"`)
}

// A function that ends starts again, with the code of now.
func TestAFunctionThatEndsStartsAgain(t *testing.T) {
	w := newWorld(t, nil)
	f, _ := w.Function("api")
	_, err := f.Invoke(t.Context(), []byte(`"exit"`))
	require.ErrorContains(t, err, "exit status 7")
	w.save(t, map[string]string{api + "main.go": answering("new")})
	w.becomes(t, "api", `"api hello"`, `"new hello"`)
}

func TestFunctionsComeAndGo(t *testing.T) {
	w := newWorld(t, nil)
	w.call(t, "enhance")
	files := testkit.Files(t)
	work := strings.Replace(files["go.work"], "./shared", "./shared\n\t./functions/other", 1)
	w.save(t, map[string]string{
		"functions/other/go.mod":     testkit.GoMod("lambdas.internal/functions/other", testkit.Shared),
		"functions/other/main.go":    answering("other"),
		"functions/other/image.json": testkit.Description(t, catalog.Function{Image: "other", Variant: catalog.Light, Registry: catalog.Private, Lambda: "Other"}),
		"go.work":                    work,
	})
	require.Eventually(t, func() bool { _, ok := w.Find("Other"); return ok }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return string(w.call(t, "other").Payload) == `"other hello"` }, time.Minute, time.Millisecond, w.output.String())

	w.save(t, map[string]string{"go.work": strings.Replace(work, "\t./functions/enhance-lambda\n", "", 1)})
	require.NoError(t, os.RemoveAll(filepath.Join(w.root, enhance)))
	w.says(t, "enhance: is no function of the workspace any more")
	_, ok := w.Find("Enhance")
	assert.False(t, ok)
}

// The deadline of a function is that of its image.json.
func TestTheTimeoutOfAFunction(t *testing.T) {
	description := strings.Replace(testkit.Files(t)[api+"image.json"], "{", `{"timeout": 1,`, 1)
	w := newWorld(t, map[string]string{api + "image.json": description})
	f, _ := w.Function("api")
	_, err := f.Invoke(t.Context(), []byte(`"sleep"`))
	require.ErrorContains(t, err, "it did not answer within the timeout in its image.json, 1s")
	assert.Equal(t, `"api hello"`, string(w.call(t, "api").Payload), "it starts again")
}

// After Close no process, no folder and (see TestMain) no goroutine is left, even if an
// invocation runs.
func TestNothingIsLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var started []*invoke.Function
	w := newWorld(t, nil, func(o *dev.Options) {
		o.Start = func(root string, of invoke.Options) (endpoint.Runner, error) {
			f, err := invoke.Start(root, of)
			if err == nil {
				started = append(started, f)
			}
			return f, err
		}
	})
	w.call(t, "enhance")
	assert.Len(t, folders(t), 1)
	f, _ := w.Function("api")
	ended := make(chan error)
	go func() {
		_, err := f.Invoke(w.Context(), []byte(`"sleep"`))
		ended <- err
	}()
	w.says(t, "api     | asleep")
	require.NoError(t, w.Close())
	require.ErrorContains(t, <-ended, "canceled")
	require.Len(t, started, 2)
	for _, f := range started {
		require.ErrorIs(t, syscall.Kill(f.PID(), 0), syscall.ESRCH)
	}
	assert.Empty(t, folders(t))
}

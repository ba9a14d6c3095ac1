package dev_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/dev"
)

// A function under a debugger has its symbols and the names of its sources, and is swapped like
// others. The stand-in for delve runs the program.
func TestDebugger(t *testing.T) {
	bin := t.TempDir()
	testkit.Write(t, bin, map[string]string{"dlv": "#!/bin/sh\necho \"$@\" >> " + bin + "/lines\nwhile [ $# -gt 1 ]; do shift; done\nexec \"$1\"\n"})
	require.NoError(t, os.Chmod(filepath.Join(bin, "dlv"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	program, err := dev.FindDelve(t.Context(), t.TempDir(), func() func(error) { panic("it is there") })
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(bin, "dlv"), program)
	d := &dev.Debugger{Image: "api", Address: "127.0.0.1:2345", Program: program}
	w := newWorld(t, nil, func(o *dev.Options) { o.Debugger = d })

	require.Eventually(t, func() bool { return lines(t, bin) == 1 }, patience, tick, "it starts before its first event")
	assert.Equal(t, `"api hello"`, string(w.call(t, "api").Payload))
	assert.Equal(t, `"enhance hello"`, string(w.call(t, "enhance").Payload))
	assert.Equal(t, 1, lines(t, bin), "no other function has a debugger")
	line := strings.Fields(string(must(os.ReadFile(filepath.Join(bin, "lines")))))
	assert.Equal(t, []string{"exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue", "--listen=127.0.0.1:2345", "--only-same-user=true"}, line[:7])
	f, err := elf.Open(line[7])
	require.NoError(t, err)
	defer f.Close()
	data, err := f.DWARF()
	require.NoError(t, err)
	entry, err := data.Reader().Next()
	require.NoError(t, err)
	require.NotNil(t, entry)
	assert.Contains(t, string(must(os.ReadFile(line[7]))), filepath.Join(w.root, api, "main.go"), "a breakpoint is in a file of this machine")

	running := w.Running("http://here", d)
	var text strings.Builder
	require.NoError(t, running.Print(&text))
	assert.Contains(t, text.String(), "dlv connect 127.0.0.1:2345")
	assert.Contains(t, text.String(), `"mode": "remote", "host": "127.0.0.1", "port": 2345`)

	w.save(t, map[string]string{api + "main.go": answering("new")})
	w.becomes(t, "api", `"api hello"`, `"new hello"`)
	assert.Equal(t, 2, lines(t, bin))
}

// lines is how often the debugger was started.
func lines(t *testing.T, bin string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(bin, "lines"))
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	return strings.Count(string(text), "\n")
}

// A debugger that is not there is installed once, from the module proxy.
func TestDelveThatCannotBeInstalled(t *testing.T) {
	goTool, err := filepath.Abs(filepath.Join(testGoroot(t), "bin"))
	require.NoError(t, err)
	t.Setenv("PATH", goTool)
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	installing, failed := 0, error(nil)
	_, err = dev.FindDelve(t.Context(), t.TempDir(), func() func(error) { installing++; return func(err error) { failed = err } })
	require.ErrorContains(t, err, "install the debugger delve v")
	require.ErrorContains(t, err, "install it yourself: go install github.com/go-delve/delve/cmd/dlv@latest")
	assert.Equal(t, 1, installing)
	assert.Equal(t, err, failed)
}

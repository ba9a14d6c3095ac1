// Command function reads a file, or starts itself as a tool that needs memory, as its event says.
package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	switch {
	case len(os.Args) > 1:
		memory := make([]byte, 64<<20)
		for n := range memory {
			memory[n] = 1
		}
		time.Sleep(50 * time.Millisecond)
		return
	case os.Getenv("FAIL") != "":
		os.Exit(3)
	}
	runtime := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		event, err := http.Get(runtime + "next")
		if err != nil {
			os.Exit(1)
		}
		body, _ := io.ReadAll(event.Body)
		task := os.Getenv("LAMBDA_TASK_ROOT")
		switch string(body) {
		case `"read"`:
			if _, err := os.ReadFile(filepath.Join(task, "../../opt/read")); err != nil {
				os.Exit(4)
			}
		case `"tool"`:
			if err := exec.Command(filepath.Join(task, "../runtime/bootstrap"), "tool").Run(); err != nil {
				os.Exit(5)
			}
		}
		id := event.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if _, err := http.Post(runtime+id+"/response", "application/json", strings.NewReader(`"done"`)); err != nil {
			os.Exit(1)
		}
	}
}

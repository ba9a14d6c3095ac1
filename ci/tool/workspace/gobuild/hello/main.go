// Command hello is the least that a Lambda function in Go can be: it asks the Lambda Runtime
// API for events, with the client of the standard library, and answers each with "hello".
// Cold starts are compared with its own.
package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	runtime := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		event, err := http.Get(runtime + "next")
		if err != nil {
			os.Exit(1)
		}
		io.Copy(io.Discard, event.Body) //nolint:errcheck // what an event holds does not matter
		event.Body.Close()
		id := event.Header.Get("Lambda-Runtime-Aws-Request-Id")
		answer, err := http.Post(runtime+id+"/response", "application/json", strings.NewReader(`"hello"`))
		if err != nil {
			os.Exit(1)
		}
		answer.Body.Close()
	}
}

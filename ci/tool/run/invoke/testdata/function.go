// A function without dependencies that speaks the Runtime API and does what its
// event says.
package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	if os.Getenv("FAIL_INIT") != "" {
		post(api+"init/error", `{"errorType":"Runtime.InitError","errorMessage":"no start"}`)
		time.Sleep(time.Hour)
	}
	for {
		r, err := http.Get(api + "invocation/next")
		if err != nil {
			os.Exit(0)
		}
		event, _ := io.ReadAll(r.Body)
		at := api + "invocation/" + r.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch string(event) {
		case `"env"`:
			post(at+"/response", `"`+os.Getenv("GREETING")+" "+os.Getenv("AWS_LAMBDA_FUNCTION_NAME")+`"`)
		case `"fail"`:
			post(at+"/error", `{"errorType":"TestError","errorMessage":"as asked"}`)
		case `"large"`:
			post(at+"/response", strings.Repeat("x", 7<<20))
		case `"sleep"`:
			time.Sleep(time.Second)
			post(at+"/response", `"late"`)
		case `"exit"`:
			os.Exit(7)
		default:
			post(at+"/response", string(event))
		}
	}
}

func post(url, body string) {
	r, err := http.Post(url, "application/json", bytes.NewReader([]byte(body)))
	if err == nil {
		r.Body.Close()
	}
}

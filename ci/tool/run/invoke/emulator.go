package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// emulatorPath is where the emulator in AWS's base images accepts events.
// https://github.com/aws/aws-lambda-runtime-interface-emulator
const emulatorPath = "/2015-03-31/functions/function/invocations"

// Emulated sends one event to the function behind the Lambda emulator at url and waits
// for its answer, at most until the deadline of ctx.
func Emulated(ctx context.Context, url string, event []byte) (Response, error) {
	r, err := emulated(ctx, url, event)
	if err != nil {
		return Response{}, fmt.Errorf("call the Lambda emulator at %s: %w", url, err)
	}
	return r, nil
}

func emulated(ctx context.Context, url string, event []byte) (Response, error) {
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(url, "/")+emulatorPath, bytes.NewReader(event))
	if err != nil {
		return Response{}, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	payload, err := io.ReadAll(io.LimitReader(answer.Body, maxPayload+1))
	if err != nil {
		return Response{}, err
	}
	if answer.StatusCode != http.StatusOK {
		return Response{}, fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(payload)))
	}
	r := Response{Payload: payload, Duration: time.Since(start)}
	// Only the content of the answer shows that it is an error of the function.
	var failed FunctionError
	if json.Unmarshal(payload, &failed) == nil && failed.Type != "" && failed.Message != "" {
		r.Payload, r.Error = nil, &failed
	}
	return r, nil
}

package lambdaboot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/lambdaboot"
)

func echo(_ context.Context, payload json.RawMessage) (any, error) { return payload, nil }

func TestInvokeBuildsOnce(t *testing.T) {
	built := 0
	f := lambdaboot.New(func(context.Context) (lambdaboot.Handler, error) {
		built++
		return echo, nil
	})
	for range 3 {
		out, err := f.Invoke(t.Context(), json.RawMessage(`{"a":1}`))
		require.NoError(t, err)
		assert.JSONEq(t, `{"a":1}`, string(out.(json.RawMessage)))
	}
	assert.Equal(t, 1, built)
}

func TestInvokeBuildsAgainAfterAFailure(t *testing.T) {
	built := 0
	f := lambdaboot.New(func(context.Context) (lambdaboot.Handler, error) {
		if built++; built == 1 {
			return nil, fault.New(fault.Configuration, "environment variable X is not set")
		}
		return echo, nil
	})
	_, err := f.Invoke(t.Context(), nil)
	assert.Equal(t, messages.InvokeResponse_Error{Type: "ConfigurationError", Message: "environment variable X is not set"}, err)
	_, err = f.Invoke(t.Context(), nil)
	require.NoError(t, err)
}

func TestInvokeReportsTheKind(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"typed":            {fault.New(fault.InvalidInput, "bad"), "InvalidInputError"},
		"typed, wrapped":   {fmt.Errorf("thumbnail: %w", fault.New(fault.Transient, "later: %w", io.EOF)), "TransientError"},
		"end of the time":  {fmt.Errorf("work: %w", context.DeadlineExceeded), "DeadlineExceededError"},
		"everything else":  {errors.New("surprise"), "InternalError"},
		"outermost counts": {fault.New(fault.Transient, "model: %w", fault.New(fault.InvalidInput, "no PNG")), "TransientError"},
	} {
		t.Run(name, func(t *testing.T) {
			f := lambdaboot.New(func(context.Context) (lambdaboot.Handler, error) {
				return func(context.Context, json.RawMessage) (any, error) { return nil, test.err }, nil
			})
			_, err := f.Invoke(t.Context(), nil)
			assert.Equal(t, messages.InvokeResponse_Error{Type: test.want, Message: fault.Message(test.err)}, err)
		})
	}
}

// helperVariable, when set, makes the test binary run as a Lambda function.
const helperVariable = "LAMBDABOOT_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		lambdaboot.Start("test", func(context.Context) (lambdaboot.Handler, error) {
			return func(_ context.Context, payload json.RawMessage) (any, error) {
				if string(payload) == `"bad"` {
					return nil, fault.New(fault.InvalidInput, "that is bad")
				}
				return payload, nil
			}, nil
		})
	}
	os.Exit(m.Run())
}

// TestStart sends events to a started process over the Lambda Runtime API, as Lambda does.
func TestStart(t *testing.T) {
	events := []string{`{"a":1}`, `"bad"`}
	answers := make(chan string, len(events))
	next := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if next == len(events) {
			<-r.Context().Done() // nothing more to do
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint("request-", next))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		_, _ = io.WriteString(w, events[next])
		next++
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		answers <- r.PathValue("id") + " " + r.PathValue("outcome") + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
	})
	server := httptest.NewServer(mux)
	var logs bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"=1", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))
	cmd.Stdout = &logs
	require.NoError(t, cmd.Start())

	assert.Equal(t, `request-0 response {"a":1}`, <-answers)
	assert.JSONEq(t, `{"errorMessage":"that is bad","errorType":"InvalidInputError"}`, strings.TrimPrefix(<-answers, "request-1 error "))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	server.Close()

	lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
	require.GreaterOrEqual(t, len(lines), 2, logs.String()) // aws-lambda-go logs the failure once more
	for i, want := range []string{"done", "failed"} {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &record), lines[i])
		assert.Equal(t, want, record["message"])
		assert.Equal(t, fmt.Sprint("request-", i), record["requestId"])
		assert.Equal(t, "test", record["function"])
	}
}

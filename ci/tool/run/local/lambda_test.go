package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/run/invoke"
)

func TestInvokeRefuses(t *testing.T) {
	api := &lambdaAPI{functions: map[string]runner{"known": nil}}
	for _, test := range []struct {
		name, function, kind, body string
		code                       int
		says                       string
	}{
		{"an unknown function", "other", "", "{}", 404, `"Message":"Function not found: other"`},
		{"an unknown type", "known", "Later", "{}", 400, `invocation type \"Later\"`},
		{"an event that is too large", "known", "Event", strings.Repeat("x", maxEvent+1), 413, "too large"},
		{"nothing in a dry run", "known", "DryRun", "{}", 204, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/"+test.function+"/invocations", strings.NewReader(test.body))
			r.Header.Set("X-Amz-Invocation-Type", test.kind)
			w := httptest.NewRecorder()
			api.handler().ServeHTTP(w, r)
			assert.Equal(t, test.code, w.Code)
			assert.Contains(t, w.Body.String(), test.says)
		})
	}
}

// scripted is a function that answers as told; "crash" ends its process.
type scripted struct {
	mu   sync.Mutex
	got  []string
	dead bool
}

func (s *scripted) Invoke(_ context.Context, event []byte) (invoke.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(event))
	switch {
	case s.dead:
		return invoke.Response{}, errors.New("no process")
	case strings.Contains(string(event), "crash"):
		s.dead = true
		return invoke.Response{}, errors.New("the function ended before it answered: signal: killed")
	case strings.Contains(string(event), "fail"):
		return invoke.Response{Error: &invoke.FunctionError{Type: "TransientError", Message: "later"}}, nil
	}
	return invoke.Response{Payload: event}, nil
}

func (s *scripted) Stop() error { return nil }

func TestAFailureGoesToTheDestination(t *testing.T) {
	for name, test := range map[string]struct{ event, want string }{
		"an error of the function": {`{"jobId":"fail"}`, `{"errorType":"TransientError","errorMessage":"later"}`},
		"its end":                  {`{"jobId":"crash"}`, `{"errorType":"Runtime.ExitError","errorMessage":"the function ended before it answered: signal: killed"}`},
		"none":                     {`{"jobId":"well"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			destination, logs := &scripted{}, &bytes.Buffer{}
			api := &lambdaAPI{onFailure: destination, logs: logs, background: t.Context()}
			api.inBackground("video", &scripted{}, []byte(test.event))
			if test.want == "" {
				assert.Empty(t, destination.got)
				assert.Empty(t, logs.String())
				return
			}
			require.Len(t, destination.got, 1)
			var got failure
			require.NoError(t, json.Unmarshal([]byte(destination.got[0]), &got))
			assert.JSONEq(t, test.event, string(got.RequestPayload))
			assert.Equal(t, "RetriesExhausted", got.RequestContext.Condition)
			reported, err := json.Marshal(got.ResponsePayload)
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(reported))
			assert.Contains(t, logs.String(), "video reported")
		})
	}
}

func TestASandboxStartsAgain(t *testing.T) {
	starts := 0
	s, err := newSandbox(func() (runner, error) { starts++; return &scripted{}, nil })
	require.NoError(t, err)
	_, err = s.Invoke(t.Context(), []byte("crash"))
	require.ErrorContains(t, err, "killed")
	r, err := s.Invoke(t.Context(), []byte("well"))
	require.NoError(t, err)
	assert.Equal(t, "well", string(r.Payload))
	assert.Equal(t, 2, starts)
	require.NoError(t, s.Stop())
}

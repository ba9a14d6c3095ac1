package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	api := &Lambda{Find: func(name string) (Runner, bool) { return nil, name == "known" }}
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
			api.Handler().ServeHTTP(w, r)
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
			api := &Lambda{OnFailure: destination, Logs: logs, Background: t.Context()}
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
	s, err := NewSandbox(func() (Runner, error) { starts++; return &scripted{}, nil })
	require.NoError(t, err)
	_, err = s.Invoke(t.Context(), []byte("crash"))
	require.ErrorContains(t, err, "killed")
	r, err := s.Invoke(t.Context(), []byte("well"))
	require.NoError(t, err)
	assert.Equal(t, "well", string(r.Payload))
	assert.Equal(t, 2, starts)
	require.NoError(t, s.Stop())
}

// The names by which callers know a function.
func TestNames(t *testing.T) {
	for name, given := range map[string]string{
		"its name":               "Api",
		"its name and a version": "Api:7",
		"its ARN":                "arn:aws:lambda:us-east-1:000000000000:function:Api",
		"the ARN of an alias":    "arn:aws:lambda:us-east-1:000000000000:function:Api:live",
		"its partial ARN":        "000000000000:function:Api",
	} {
		assert.Equal(t, "Api", bare(given), name)
	}
}

// post calls the function x by Lambda's API.
func post(t *testing.T, f Runner, event string) *httptest.ResponseRecorder {
	t.Helper()
	api := &Lambda{Find: func(string) (Runner, bool) { return f, true }, Background: t.Context()}
	w := httptest.NewRecorder()
	api.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/x/invocations", strings.NewReader(event)))
	return w
}

func TestAFunctionThatEndsIsAnErrorOfLambdasForm(t *testing.T) {
	w := post(t, &scripted{}, "crash")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "Unhandled", w.Header().Get("X-Amz-Function-Error"))
	assert.JSONEq(t, `{"errorType":"Runtime.ExitError","errorMessage":"the function ended before it answered: signal: killed"}`, w.Body.String())
	assert.Equal(t, "Sandbox.Timedout", ended(fmt.Errorf("wait: %w", context.DeadlineExceeded)).Type)
}

// old answers by a program whose successor could not be built.
type old struct{ scripted }

func (o *old) Invoke(context.Context, []byte) (invoke.Response, error) {
	return invoke.Response{Payload: []byte(`{}`), Stale: &invoke.FunctionError{Type: "Dev.CompileError", Message: "main.go:1:1: wrong\nmain.go:2:1: too"}}, nil
}

func TestAnAnswerSaysThatItIsOfTheProgramOfBefore(t *testing.T) {
	w := post(t, &old{}, "{}")
	assert.Empty(t, w.Header().Get("X-Amz-Function-Error"))
	assert.JSONEq(t, `{}`, w.Body.String())
	assert.JSONEq(t, `{"errorType":"Dev.CompileError","errorMessage":"main.go:1:1: wrong\nmain.go:2:1: too"}`, w.Header().Get(StaleHeader))
	assert.Equal(t, "the one before: main.go:1:1: wrong main.go:2:1: too", w.Header().Get("X-Amz-Executed-Version"))

	w = post(t, &scripted{}, "{}")
	assert.Empty(t, w.Header().Get(StaleHeader))
	assert.Equal(t, "$LATEST", w.Header().Get("X-Amz-Executed-Version"))
}

func TestASwapIsBetweenTwoInvocations(t *testing.T) {
	starts, changed := 0, 0
	s := IdleSandbox(func() (Runner, error) { starts++; return &scripted{}, nil })
	change := func() error { changed++; return nil }
	require.NoError(t, s.Swap(t.Context(), change))
	assert.Equal(t, []int{0, 1}, []int{starts, changed}, "what did not run is not started")

	_, err := s.Invoke(t.Context(), []byte("well"))
	require.NoError(t, err)
	require.NoError(t, s.Swap(t.Context(), change))
	assert.Equal(t, []int{2, 2}, []int{starts, changed}, "what ran is started again")

	require.ErrorContains(t, s.Swap(t.Context(), func() error { return errors.New("full disk") }), "full disk")
	_, err = s.Invoke(t.Context(), []byte("well"))
	require.NoError(t, err, "it starts with the next event")
	assert.Equal(t, 3, starts)

	busy := <-s.turn // an invocation runs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, s.Swap(ctx, change), "wait for the function")
	assert.Equal(t, 2, changed)
	s.turn <- busy
	require.NoError(t, s.Stop())
}

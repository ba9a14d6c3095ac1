package awstest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Invocation is an asynchronous invocation that a function requested.
type Invocation struct {
	Function string
	Payload  json.RawMessage
}

// Lambda accepts asynchronous invocations as Lambda's API does, and records them.
type Lambda struct {
	mu          sync.Mutex
	invocations []Invocation
	missing     map[string]bool
}

// StartLambda starts a server with Lambda's Invoke operation (POST
// /2015-03-31/functions/{name}/invocations) and sets the test's environment so that
// clients use it. The server answers "not found" for the functions in missing.
func StartLambda(t testing.TB, missing ...string) *Lambda {
	t.Helper()
	l := &Lambda{missing: map[string]bool{}}
	for _, name := range missing {
		l.missing[name] = true
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Event", r.Header.Get("X-Amz-Invocation-Type"))
		payload, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		name := r.PathValue("name")
		if l.missing[name] {
			w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, err := w.Write([]byte(`{"Type":"User","Message":"Function not found: ` + name + `"}`))
			assert.NoError(t, err)
			return
		}
		l.mu.Lock()
		l.invocations = append(l.invocations, Invocation{Function: name, Payload: payload})
		l.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	environment(t)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	return l
}

// Take returns the invocations so far and clears the record.
func (l *Lambda) Take(t testing.TB) []Invocation {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.invocations
	l.invocations = nil
	for _, i := range taken {
		require.True(t, json.Valid(i.Payload), string(i.Payload))
	}
	return taken
}

// Package geminitest is an HTTP server that tests use instead of Google's Gemini
// service. It speaks the wire format of generateContent and can fail as Gemini does.
package geminitest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the API key that the test server accepts.
const Key = "test-gemini-key"

// Request is a request to the server, with the names of the wire format
// (ai.google.dev/api/generate-content).
type Request struct {
	Model             string
	Contents          []Content       `json:"contents"`
	SystemInstruction Content         `json:"systemInstruction"`
	GenerationConfig  json.RawMessage `json:"generationConfig"`
}

// Content is one turn of the conversation.
type Content struct {
	Role  string `json:"role"`
	Parts []Part `json:"parts"`
}

// Part is a text or a picture.
type Part struct {
	Text       string `json:"text"`
	InlineData *struct {
		MIMEType string `json:"mimeType"`
		Data     []byte `json:"data"`
	} `json:"inlineData"`
}

// Answer writes the answer to a request.
type Answer func(w http.ResponseWriter, r *http.Request, asked Request)

// Server is a running test server.
type Server struct {
	mu       sync.Mutex
	answers  []Answer
	requests []Request
}

// Start starts a server that gives the answers in turn and then repeats the last one. It
// sets the test's environment so that clients use the server.
func Start(t testing.TB, answers ...Answer) *Server {
	t.Helper()
	s := &Server{answers: answers}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(t, w, r) }))
	t.Cleanup(server.Close)
	t.Setenv("GOOGLE_GEMINI_BASE_URL", server.URL)
	t.Setenv("GOOGLE_API_KEY", "")
	t.Setenv("GEMINI_API_KEY", Key)
	return s
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (s *Server) serve(t testing.TB, w http.ResponseWriter, r *http.Request) {
	model, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1beta/models/"), ":generateContent")
	if r.Method != http.MethodPost || !found {
		t.Errorf("Gemini test server: unexpected %s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
		return
	}
	if r.Header.Get("X-Goog-Api-Key") != Key {
		Status(http.StatusForbidden, "PERMISSION_DENIED")(w, r, Request{})
		return
	}
	asked := Request{Model: model}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		t.Errorf("Gemini test server: decode the request: %v", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked)
	answer := s.answers[min(len(s.requests), len(s.answers))-1]
	s.mu.Unlock()
	answer(w, r, asked)
}

// Status answers with an HTTP error in Gemini's format.
func Status(code int, status string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		write(w, code, fmt.Sprintf(`{"error":{"code":%d,"message":"test server says %s","status":%q}}`, code, status, status))
	}
}

// Image answers with an edited picture and a remark.
func Image(data []byte, mimeType, remark string) Answer {
	return candidate("STOP", fmt.Sprintf(`{"text":%s},{"inlineData":{"mimeType":%q,"data":%q}}`, quote(remark), mimeType, base64.StdEncoding.EncodeToString(data)))
}

// Text answers with a text, which may be JSON.
func Text(text string) Answer { return candidate("STOP", `{"text":`+quote(text)+`}`) }

// Func answers with the text that the function returns for the request.
func Func(text func(Request) string) Answer {
	return func(w http.ResponseWriter, r *http.Request, asked Request) { Text(text(asked))(w, r, asked) }
}

// Ended answers with a text that ended for the given reason, such as MAX_TOKENS or
// SAFETY.
func Ended(reason, text string) Answer { return candidate(reason, `{"text":`+quote(text)+`}`) }

// Blocked answers that the request was blocked for the given reason.
func Blocked(reason string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		write(w, http.StatusOK, fmt.Sprintf(`{"promptFeedback":{"blockReason":%q},"modelVersion":"test"}`, reason))
	}
}

// Slow gives the answer after wait, or never if the caller goes away before.
func Slow(wait time.Duration, then Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request, asked Request) {
		select {
		case <-time.After(wait):
			then(w, r, asked)
		case <-r.Context().Done():
		}
	}
}

// Truncated breaks the connection in the middle of an answer.
func Truncated() Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"candidates":[{"content":{"parts":[{"te`))
		_ = http.NewResponseController(w).Flush() // otherwise the caller sees no answer at all
		panic(http.ErrAbortHandler)
	}
}

func candidate(reason, parts string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ Request) {
		write(w, http.StatusOK, fmt.Sprintf(`{"candidates":[{"index":0,"finishReason":%q,"content":{"role":"model","parts":[%s]}}],
			"usageMetadata":{"promptTokenCount":1,"totalTokenCount":2},"modelVersion":"test"}`, reason, parts))
	}
}

func write(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body)) // in some tests the caller goes away before
}

func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(data)
}

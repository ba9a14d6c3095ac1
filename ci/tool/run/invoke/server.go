// Package invoke runs the binary of a function as Lambda does: it serves the Lambda Runtime
// API on localhost, starts the binary, sends it events and receives its answers.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxPayload is Lambda's limit for a response, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxPayload = 6 << 20

// Response is the answer of a function.
type Response struct {
	Payload []byte
	// Error is set if the function reported an error.
	Error *FunctionError
	// Stale is set if the program of before answered: it says why its successor could not be
	// built.
	Stale *FunctionError
	// Duration is the time from the delivery of the event to the answer.
	Duration time.Duration
}

// FunctionError is an error that a function reported, as Lambda shows it.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// event is an invocation that has no answer yet.
type event struct {
	id       string
	payload  []byte
	deadline time.Time
	sent     time.Time
	answer   chan Response
}

// server is the Runtime API of one function.
type server struct {
	http     http.Server
	listener net.Listener
	arn      string
	next     chan *event
	// initFailed receives an error that the function reports before its first event.
	initFailed chan *FunctionError
	// ready is closed at the first request for an event, which is at readyAt.
	ready   chan struct{}
	readyAt time.Time
	first   sync.Once

	mu      sync.Mutex
	count   int
	waiting map[string]*event
}

// newServer serves a Runtime API on a free loopback port until it is closed.
func newServer(function string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the Lambda Runtime API: %w", err)
	}
	s := &server{
		listener:   l,
		arn:        "arn:aws:lambda:us-east-1:000000000000:function:" + function,
		next:       make(chan *event),
		initFailed: make(chan *FunctionError, 1),
		ready:      make(chan struct{}),
		waiting:    map[string]*event{},
	}
	mux := http.NewServeMux()
	const prefix = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+prefix+"/invocation/next", s.serveNext)
	mux.HandleFunc("POST "+prefix+"/invocation/{id}/response", s.serveResponse)
	mux.HandleFunc("POST "+prefix+"/invocation/{id}/error", s.serveError)
	mux.HandleFunc("POST "+prefix+"/init/error", s.serveInitError)
	s.http.Handler = mux
	go s.http.Serve(l) //nolint:errcheck // it ends with http.ErrServerClosed when close is called
	return s, nil
}

func (s *server) addr() string { return s.listener.Addr().String() }

func (s *server) close() error { return s.http.Close() }

// invoke sends the function one event and waits for the answer. The deadline of ctx is
// also that of the function; without one, the function has 15 minutes, the maximum of
// Lambda.
func (s *server) invoke(ctx context.Context, payload []byte) (Response, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(15 * time.Minute)
	}
	s.mu.Lock()
	s.count++
	e := &event{
		id: fmt.Sprintf("00000000-0000-4000-8000-%012d", s.count), payload: payload,
		deadline: deadline, answer: make(chan Response, 1),
	}
	s.waiting[e.id] = e
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, e.id)
		s.mu.Unlock()
	}()

	next := s.next
	for {
		select {
		case next <- e:
			next = nil
		case r := <-e.answer:
			return r, nil
		case failed := <-s.initFailed:
			return Response{Error: failed}, nil
		case <-ctx.Done():
			return Response{}, fmt.Errorf("wait for the function's answer: %w", context.Cause(ctx))
		}
	}
}

func (s *server) serveNext(w http.ResponseWriter, r *http.Request) {
	s.first.Do(func() {
		s.readyAt = time.Now()
		close(s.ready)
	})
	select {
	case e := <-s.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(e.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", s.arn)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
		s.mu.Lock()
		e.sent = time.Now()
		s.mu.Unlock()
		w.Write(e.payload) //nolint:errcheck // it fails only if the function has ended, which invoke notices
	case <-r.Context().Done():
	}
}

func (s *server) serveResponse(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		s.answer(w, r, Response{Error: &FunctionError{Type: "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("the response is larger than %d bytes", maxPayload)}})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.answer(w, r, Response{Payload: payload})
}

func (s *server) serveError(w http.ResponseWriter, r *http.Request) {
	if failed, ok := readError(w, r); ok {
		s.answer(w, r, Response{Error: failed})
	}
}

func (s *server) serveInitError(w http.ResponseWriter, r *http.Request) {
	failed, ok := readError(w, r)
	if !ok {
		return
	}
	select {
	case s.initFailed <- failed:
	default: // an error is reported already
	}
	w.WriteHeader(http.StatusAccepted)
}

// answer ends the invocation that the request names.
func (s *server) answer(w http.ResponseWriter, r *http.Request, response Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.waiting[r.PathValue("id")]
	if !ok {
		http.Error(w, "no invocation with this ID is waiting for an answer", http.StatusBadRequest)
		return
	}
	delete(s.waiting, e.id)
	response.Duration = time.Since(e.sent)
	e.answer <- response
	w.WriteHeader(http.StatusAccepted)
}

// readError reads the error that the function reports. If the request has none, it answers
// so, and ok is false.
func readError(w http.ResponseWriter, r *http.Request) (_ *FunctionError, ok bool) {
	var e FunctionError
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPayload)).Decode(&e); err != nil {
		http.Error(w, fmt.Sprintf("read the error that the function reports: %v", err), http.StatusBadRequest)
		return nil, false
	}
	return &e, true
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"lambdas.internal/shared/fault"
)

// bodyLimit in bytes is far above any request of this API.
const bodyLimit = 256 << 10

// statuses are the HTTP statuses of the kinds of errors. Every other kind has 500.
var statuses = map[fault.Kind]int{
	fault.InvalidInput:     http.StatusBadRequest,
	fault.Unauthorized:     http.StatusUnauthorized,
	fault.NotFound:         http.StatusNotFound,
	fault.Conflict:         http.StatusConflict,
	fault.SafetyBlocked:    http.StatusUnprocessableEntity,
	fault.Transient:        http.StatusServiceUnavailable,
	fault.DeadlineExceeded: http.StatusGatewayTimeout,
}

// public are the kinds whose message the caller may read: it says what is wrong with the
// request, or which variable the operator must set. Other messages could show the names
// of tables and buckets.
var public = map[fault.Kind]bool{
	fault.InvalidInput: true, fault.Unauthorized: true, fault.NotFound: true, fault.Conflict: true, fault.Configuration: true,
}

// problem is the body of an error answer, with the field names that Lambda uses.
type problem struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func reply(w http.ResponseWriter, r *http.Request, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.ErrorContext(r.Context(), "answer not written", "error", err.Error())
	}
}

func replyError(w http.ResponseWriter, r *http.Request, err error) {
	kind := fault.KindOf(err)
	status, ok := statuses[kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	message := fault.Message(err)
	if !public[kind] {
		message = "the server could not process the request; its log says why"
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	slog.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "status", status, "errorType", string(kind), "error", err.Error())
	if kind == fault.Transient {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, r, status, problem{Type: string(kind), Message: message})
}

// decode reads the JSON body of a request. An unknown field is an error, because it is
// probably a typing mistake.
func decode(r *http.Request, v any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return fault.New(fault.InvalidInput, "body: it has more than one JSON value")
	}
	why := "it is not the JSON of this route"
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		why = fmt.Sprintf("%s: a %s is not what this field holds", cmp.Or(wrong.Field, "the whole"), wrong.Value)
	} else if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		why = fmt.Sprintf("it is not valid JSON at byte %d", syntax.Offset)
	} else if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		why = fmt.Sprintf("it is larger than the limit of %d bytes", tooLarge.Limit)
	} else if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		why = "unknown field " + field
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "the JSON ends too early"
	}
	return fault.New(fault.InvalidInput, "body: %s: %w", why, err)
}

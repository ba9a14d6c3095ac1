package main

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"lambdas.internal/shared/fault"
)

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
	switch kind {
	case fault.Transient:
		w.Header().Set("Retry-After", "1")
	case fault.Unauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	reply(w, r, status, problem{Type: string(kind), Message: message})
}

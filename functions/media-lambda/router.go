package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// NewRouter returns the routes of the API.
func NewRouter() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		reply(w, r, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, r, http.StatusNotFound, map[string]string{"error": "NotFoundError", "message": "no route " + r.Method + " " + r.URL.Path})
	})
	return mux
}

func reply(w http.ResponseWriter, r *http.Request, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.ErrorContext(r.Context(), "write answer", "error", err.Error())
	}
}

package main

import (
	_ "embed"
	"log/slog"
	"net/http"
)

// document describes the API (OpenAPI 3.1). TestDocument makes it from the code and checks
// it against the answers of the API.
//
//go:embed openapi.json
var document []byte

func serveDocument(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	if _, err := w.Write(document); err != nil {
		slog.ErrorContext(r.Context(), "answer not written", "error", err.Error())
	}
}

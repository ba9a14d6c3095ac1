package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lambdas.internal/shared/logging"
)

// shutdownLimit is how long unfinished answers may take after a signal.
const shutdownLimit = 10 * time.Second

// serve answers HTTP requests until SIGINT or SIGTERM and returns the exit status.
func serve(address string) int {
	slog.SetDefault(logging.New(os.Stderr).With("function", "api"))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: address, Handler: NewRouter(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.Background(), shutdownLimit)
		defer cancel()
		if err := server.Shutdown(limited); err != nil {
			slog.Error("shutdown failed", "error", err.Error())
		}
	}()
	slog.Info("listening", "address", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		slog.Error("cannot serve HTTP", "error", err.Error())
		return 1
	}
	return 0
}

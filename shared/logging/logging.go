// Package logging writes logs as JSON, one object a line, with the ids of the Lambda
// request and of the session they belong to.
package logging

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

type attrsKey struct{}

// LevelVariable names the environment variable that Lambda's own log settings
// fill in: TRACE, DEBUG, INFO, WARN, ERROR or FATAL.
const LevelVariable = "AWS_LAMBDA_LOG_LEVEL"

// New returns a logger that writes one JSON object a line to w. Each record has the
// requestId of the Lambda invocation in the context, and the attributes that With added.
// The key names are those of Lambda's JSON log format.
func New(w io.Writer) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level(os.Getenv(LevelVariable)), ReplaceAttr: lambdacontext.ReplaceAttr})
	return slog.New(contextHandler{h})
}

// With returns a context whose log records carry the given attributes.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	old, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return context.WithValue(ctx, attrsKey{}, append(old[:len(old):len(old)], attrs...))
}

// Session returns the attribute with which every function logs the session.
func Session(id string) slog.Attr { return slog.String("sessionId", id) }

func level(name string) slog.Level {
	switch name {
	case "TRACE", "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR", "FATAL":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

type contextHandler struct{ slog.Handler }

// Handle adds the request id and the attributes in the context to the record.
func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID))
	}
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/logging"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/sessions"
)

// originHeader is the header that CloudFront adds to each request. A request that does
// not come through CloudFront lacks it.
const originHeader = "X-Origin-Verify"

type sessionKey struct{}

// checkOrigin compares the header with the secret in constant time. It compares hashes,
// which have equal lengths; otherwise the time would show the secret's length.
func (b *backend) checkOrigin(r *http.Request) error {
	got, want := sha256.Sum256([]byte(r.Header.Get(originHeader))), sha256.Sum256([]byte(b.originSecret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return fault.New(fault.Unauthorized, "header %s is missing or wrong", originHeader)
	}
	return nil
}

// authorize returns the request's context with its session. The request must carry the
// session's token, and the session must be active if the access is for its holder.
func (b *backend) authorize(r *http.Request, access access) (context.Context, error) {
	id := r.PathValue("session")
	if err := mediakey.CheckSession(id); err != nil {
		return nil, err
	}
	scheme, token, ok := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") { // a scheme has no case (RFC 9110, 11.1)
		return nil, fault.New(fault.Unauthorized, "header Authorization: want \"Bearer\", a space and the session's token")
	}
	if err := b.tokens.Check(strings.TrimSpace(token), id); err != nil {
		return nil, err
	}
	ctx := logging.With(r.Context(), logging.Session(id))
	session, err := b.sessions.Read(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.New(fault.NotFound, "session %s does not exist, or has expired; create a new one with POST /sessions: %w", id, err)
	}
	if err != nil {
		return nil, err
	}
	if session.Status != sessions.Active && access != former {
		return nil, fault.New(fault.Unauthorized, "session %s has ended; create a new one with POST /sessions", id)
	}
	return context.WithValue(ctx, sessionKey{}, session), nil
}

// sessionOf returns the session of an authorized request.
func sessionOf(r *http.Request) sessions.Session {
	session, _ := r.Context().Value(sessionKey{}).(sessions.Session)
	return session
}

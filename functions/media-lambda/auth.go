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

// originHeader is what CloudFront adds to each request, so that nobody comes past
// it.
const originHeader = "X-Origin-Verify"

type sessionKey struct{}

// checkOrigin compares the header in constant time. Hashing first makes the lengths
// equal, else the comparison would tell the secret's length.
func (b *backend) checkOrigin(r *http.Request) error {
	got, want := sha256.Sum256([]byte(r.Header.Get(originHeader))), sha256.Sum256([]byte(b.originSecret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return fault.New(fault.Unauthorized, "header %s is missing or wrong", originHeader)
	}
	return nil
}

// authorize returns the request's context with its session, whose token the request
// must carry and which must be active.
func (b *backend) authorize(r *http.Request) (context.Context, error) {
	id := r.PathValue("session")
	if err := mediakey.CheckSession(id); err != nil {
		return nil, err
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, fault.New(fault.Unauthorized, "header Authorization: want Bearer and the session's token")
	}
	if err := b.tokens.Check(token, id); err != nil {
		return nil, err
	}
	ctx := logging.With(r.Context(), logging.Session(id))
	session, err := b.sessions.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	if session.Status != sessions.Active {
		return nil, fault.New(fault.Unauthorized, "session %s has ended", id)
	}
	return context.WithValue(ctx, sessionKey{}, session), nil
}

// sessionOf returns the session of an authorized request.
func sessionOf(r *http.Request) sessions.Session {
	session, _ := r.Context().Value(sessionKey{}).(sessions.Session)
	return session
}

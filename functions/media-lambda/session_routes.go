package main

import (
	"net/http"
	"time"

	"lambdas.internal/shared/sessions"
)

// createdSession is the answer to POST /sessions.
type createdSession struct {
	sessions.Session
	// Token is the bearer token that the other routes of the session require.
	Token string `json:"token"`
}

func createSession(b *backend, r *http.Request) (int, any, error) {
	session, err := b.sessions.Create(r.Context())
	if err != nil {
		return 0, nil, err
	}
	token, err := b.tokens.Issue(session.ID, time.Unix(session.ExpiresAt, 0))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, createdSession{Session: session, Token: token}, nil
}

func readSession(_ *backend, r *http.Request) (int, any, error) {
	return http.StatusOK, sessionOf(r), nil
}

func invalidateSession(b *backend, r *http.Request) (int, any, error) {
	if err := b.sessions.Invalidate(r.Context(), sessionOf(r).ID); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

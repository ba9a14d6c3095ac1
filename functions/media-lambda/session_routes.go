package main

import (
	"net/http"
	"time"

	"lambdas.internal/shared/fault"
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

// deleteSession ends a session and deletes its objects. It may be repeated, for instance
// after an answer was lost or a part could not be deleted.
func deleteSession(b *backend, r *http.Request) (int, any, error) {
	session := sessionOf(r)
	if session.Status == sessions.Active {
		if err := b.sessions.Invalidate(r.Context(), session.ID); err != nil && fault.KindOf(err) != fault.Conflict {
			return 0, nil, err
		}
	}
	if err := b.objects.DeleteAll(r.Context(), b.bucket, session.ID+"/"); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

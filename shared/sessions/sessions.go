// Package sessions stores the sessions of the API: one record each, for 24 hours.
package sessions

import (
	"context"
	"crypto/rand"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/table"
)

// sortKey of a session's own record.
const sortKey = "SESSION"

// Status of a session.
type Status string

// The two states of a session.
const (
	Active      Status = "active"
	Invalidated Status = "invalidated"
)

// Session is one visit of a user.
type Session struct {
	ID     string `dynamodbav:"sessionId" json:"sessionId"`
	Status Status `dynamodbav:"status" json:"status"`
	// CreatedAt and ExpiresAt in Unix seconds.
	CreatedAt int64 `dynamodbav:"createdAt" json:"createdAt"`
	ExpiresAt int64 `dynamodbav:"expiresAt" json:"expiresAt"`
}

// Store stores sessions.
type Store struct{ table *table.Table }

// New returns a Store in the given table.
func New(t *table.Table) *Store { return &Store{table: t} }

// Create makes a new active session. Its random id has at least 128 bits.
func (s *Store) Create(ctx context.Context) (Session, error) {
	now := time.Now()
	session := Session{ID: rand.Text(), Status: Active, CreatedAt: now.Unix(), ExpiresAt: now.Add(table.Lifetime).Unix()}
	if err := s.table.Create(ctx, key(session.ID), session); err != nil {
		return Session{}, err
	}
	return session, nil
}

// Read returns a session, active or not. If it does not exist or has expired, the error
// is a fault.NotFound.
func (s *Store) Read(ctx context.Context, id string) (Session, error) {
	var session Session
	if err := s.table.Read(ctx, key(id), &session); err != nil {
		return Session{}, err
	}
	return session, nil
}

// Invalidate ends an active session. If it is not active, the error is a fault.Conflict.
func (s *Store) Invalidate(ctx context.Context, id string) error {
	err := s.table.Update(ctx, key(id), table.Update{
		Expression: "SET #status = :ended",
		Condition:  "#status = :active",
		Names:      map[string]string{"#status": "status"},
		Values:     map[string]any{":ended": string(Invalidated), ":active": string(Active)},
	})
	if fault.KindOf(err) == fault.Conflict {
		return fault.New(fault.Conflict, "session %s is not active: %w", id, err)
	}
	return err
}

func key(id string) table.Key { return table.Key{Session: id, Sort: sortKey} }

package sessions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/sessions"
	"lambdas.internal/shared/table"
)

func TestSessionLife(t *testing.T) {
	records := awstest.StartDynamoDB(t)
	store := sessions.New(records)
	ctx := t.Context()

	made, err := store.Create(ctx)
	require.NoError(t, err)
	require.NoError(t, mediakey.CheckSession(made.ID))
	assert.Equal(t, sessions.Active, made.Status)
	assert.InDelta(t, time.Now().Add(24*time.Hour).Unix(), made.ExpiresAt, 2)

	read, err := store.Read(ctx, made.ID)
	require.NoError(t, err)
	assert.Equal(t, made, read)

	other, err := store.Create(ctx)
	require.NoError(t, err)
	assert.NotEqual(t, made.ID, other.ID)

	require.NoError(t, store.Invalidate(ctx, made.ID))
	read, err = store.Read(ctx, made.ID)
	require.NoError(t, err)
	assert.Equal(t, sessions.Invalidated, read.Status)
	assert.Equal(t, fault.Conflict, fault.KindOf(store.Invalidate(ctx, made.ID)), "a second time")
	assert.Equal(t, fault.Conflict, fault.KindOf(store.Invalidate(ctx, "nobody")), "an unknown one")

	_, err = store.Read(ctx, "nobody")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))

	// DynamoDB may keep an expired record for days, but Read must not return it.
	past := sessions.Session{ID: "old", Status: sessions.Active, ExpiresAt: time.Now().Add(-time.Second).Unix()}
	require.NoError(t, records.Create(ctx, table.Key{Session: "old", Sort: "SESSION"}, past))
	_, err = store.Read(ctx, "old")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
}

func TestTableThatIsMissing(t *testing.T) {
	awstest.StartDynamoDB(t)
	t.Setenv("DYNAMO_TABLE_NAME", "elsewhere")
	records, err := table.New()
	require.NoError(t, err)
	_, err = sessions.New(records).Create(t.Context())
	assert.Equal(t, fault.Configuration, fault.KindOf(err))
	assert.ErrorContains(t, err, "elsewhere")
}

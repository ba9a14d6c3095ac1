package jobs

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"lambdas.internal/shared/deadline"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/table"
)

// progressInterval is the shortest time between two writes of an item's progress.
const progressInterval = 2 * time.Second

// Tracker writes the state of one item while a processor works on it.
type Tracker struct {
	table *table.Table
	key   table.Key
	index int

	mu       sync.Mutex
	reported time.Time
}

// Track returns the Tracker of an item.
func (s *Store) Track(session, job string, index int) *Tracker {
	return &Tracker{table: s.table, key: table.Key{Session: session, Sort: itemKey(job, index)}, index: index}
}

// Run calls work for the item and records its status: running before the call, then
// succeeded with the encoded result, or failed with the error's kind and text. The
// context of work ends before ctx does, so that there is time to record work that takes
// too long. Lambda may deliver an event twice: if an earlier delivery finished the item,
// Run returns that result and does not call work.
func Run[R any](ctx context.Context, t *Tracker, work func(ctx context.Context) (R, error)) (R, error) {
	var result R
	switch err := t.start(ctx); {
	case fault.KindOf(err) == fault.Conflict:
		slog.InfoContext(ctx, "an earlier delivery finished this item; its result is returned")
		err = t.earlier(ctx, &result)
		return result, err
	case err != nil:
		return result, err
	}
	limited, cancel := deadline.WithReserve(ctx)
	defer cancel()
	result, err := work(limited)
	if err != nil {
		if failErr := t.Fail(ctx, err); failErr != nil {
			slog.ErrorContext(ctx, "failure not recorded", "error", failErr.Error())
		}
		return result, err
	}
	return result, t.succeed(ctx, result)
}

// start marks the item as running. If the item has succeeded already, the error is a
// fault.Conflict.
func (t *Tracker) start(ctx context.Context) error {
	return t.table.Update(ctx, t.key, table.Update{
		Expression: "SET itemIndex = :index, #status = :running, progress = :none, deadline = :deadline, expiresAt = :expiry REMOVE errorType, errorMessage",
		Condition:  "attribute_not_exists(pk) OR #status <> :succeeded",
		Names:      statusName,
		Values: map[string]any{
			":index": t.index, ":running": string(Running), ":succeeded": string(Succeeded), ":none": 0, ":expiry": expiry(),
			":deadline": end(ctx).Unix(),
		},
	})
}

// end returns when the invocation of ctx ends at the latest.
func end(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline
	}
	return time.Now().Add(answerLimit)
}

// earlier decodes the result of the item's earlier run.
func (t *Tracker) earlier(ctx context.Context, result any) error {
	var item Item
	if err := t.table.Read(ctx, t.key, &item); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(item.Result), result); err != nil {
		return fault.New(fault.Internal, "decode the result of %s: %w", t.key.Sort, err)
	}
	return nil
}

// Progress records the part done, from 0 to 1, at most every two seconds. It only logs
// an error of its own, because such an error must not stop the work.
func (t *Tracker) Progress(ctx context.Context, part float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.reported) < progressInterval {
		return
	}
	t.reported = time.Now()
	err := t.table.Update(ctx, t.key, table.Update{
		Expression: "SET progress = :progress",
		Condition:  "#status = :running",
		Names:      statusName,
		Values:     map[string]any{":progress": int(100 * min(max(part, 0), 1)), ":running": string(Running)},
	})
	if err != nil {
		slog.WarnContext(ctx, "progress not recorded", "error", err.Error())
	}
}

// Fail records why the item failed, unless it has succeeded. The record has what a user
// may read of the cause.
func (t *Tracker) Fail(ctx context.Context, cause error) error {
	return t.fail(ctx, fault.KindOf(cause), fault.Message(cause), "#status <> :succeeded")
}

// End records that the item failed, unless its processor has recorded how it ended. It is
// for a processor that could not start or was stopped, and so recorded nothing.
func (t *Tracker) End(ctx context.Context, kind fault.Kind, message string) error {
	err := t.fail(ctx, kind, message, "NOT #status IN (:succeeded, :failed)")
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}

func (t *Tracker) fail(ctx context.Context, kind fault.Kind, message, condition string) error {
	return t.table.Update(ctx, t.key, table.Update{
		Expression: "SET itemIndex = :index, #status = :failed, errorType = :type, errorMessage = :message, expiresAt = :expiry",
		Condition:  "attribute_not_exists(pk) OR " + condition,
		Names:      statusName,
		Values: map[string]any{
			":index": t.index, ":failed": string(Failed), ":succeeded": string(Succeeded), ":expiry": expiry(),
			":type": string(kind), ":message": clip(message),
		},
	})
}

func (t *Tracker) succeed(ctx context.Context, result any) error {
	data, err := json.Marshal(result)
	if err != nil {
		return fault.New(fault.Internal, "encode the result of %s: %w", t.key.Sort, err)
	}
	return t.table.Update(ctx, t.key, table.Update{
		Expression: "SET #status = :succeeded, progress = :all, #result = :result REMOVE errorType, errorMessage",
		Names:      map[string]string{"#status": "status", "#result": "result"},
		Values:     map[string]any{":succeeded": string(Succeeded), ":all": 100, ":result": string(data)},
	})
}

var statusName = map[string]string{"#status": "status"}

package jobs

import (
	"time"

	"lambdas.internal/shared/fault"
)

const (
	// answerLimit is the longest that Lambda lets an invocation run (Lambda developer
	// guide, "Lambda quotas", function timeout).
	answerLimit = 15 * time.Minute
	// grace is for clocks that differ, and for the writing of the last record.
	grace = time.Minute
)

// overdueMessage is the reason of an item that reads as failed because of its age.
const overdueMessage = "the processor did not answer"

// endOverdue makes items fail of which nothing more is to be expected: a running one whose
// invocation has ended without a word, and a queued one when for longer than an invocation
// can run, no item of the job has moved. It changes what is read, not what is stored: if
// the processor answers after all, for instance in a retry of Lambda, that counts.
func (r *Report) endOverdue(now time.Time) {
	moved := r.CreatedAt // the last time at which an invocation may have been busy
	for i := range r.Items {
		moved = max(moved, r.Items[i].Deadline)
	}
	for i := range r.Items {
		item := &r.Items[i]
		end := moved + int64(answerLimit.Seconds())
		if item.Status == Running && item.Deadline > 0 {
			end = item.Deadline
		}
		if (item.Status == Queued || item.Status == Running) && now.Unix() > end+int64(grace.Seconds()) {
			item.Status, item.ErrorType, item.ErrorMessage = Failed, string(fault.DeadlineExceeded), overdueMessage
		}
	}
}

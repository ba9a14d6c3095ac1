package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestKindOf(t *testing.T) {
	for name, test := range map[string]struct {
		err       error
		kind      fault.Kind
		retryable bool
	}{
		"nil":             {nil, "", false},
		"typed":           {fault.New(fault.NotFound, "x"), fault.NotFound, false},
		"wrapped":         {fmt.Errorf("op: %w", fault.New(fault.Transient, "x")), fault.Transient, true},
		"joined":          {errors.Join(io.EOF, fault.New(fault.Conflict, "x")), fault.Conflict, false},
		"deadline":        {fmt.Errorf("op: %w", context.DeadlineExceeded), fault.DeadlineExceeded, true},
		"cancelled":       {context.Canceled, fault.DeadlineExceeded, true},
		"anything else":   {io.EOF, fault.Internal, false},
		"typed wins":      {fault.New(fault.InvalidInput, "x: %w", context.Canceled), fault.InvalidInput, false},
		"outermost typed": {fault.New(fault.Internal, "x: %w", fault.New(fault.Transient, "y")), fault.Internal, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.kind, fault.KindOf(test.err))
			assert.Equal(t, test.retryable, fault.Retryable(test.err))
		})
	}
}

func TestErrorKeepsCauseAndText(t *testing.T) {
	err := fault.New(fault.InvalidInput, "read %s: %w", "a.jpg", io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualError(t, err, "read a.jpg: unexpected EOF")
}

func TestErrorOfSeveralCauses(t *testing.T) {
	err := fault.New(fault.Transient, "%w and %w", io.EOF, io.ErrClosedPipe)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

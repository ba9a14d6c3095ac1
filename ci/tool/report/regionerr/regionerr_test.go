package regionerr_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/report/regionerr"
)

func TestOf(t *testing.T) {
	cause := errors.New("no answer")
	east, west := regionerr.Mark("us-east-1", cause), regionerr.Name("us-west-2", cause)
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"nothing":   {nil, nil},
		"no region": {errors.Join(regionerr.Mark("", cause), regionerr.Name("", cause)), nil},
		"marked":    {fmt.Errorf("publish: %w", east), []string{"us-east-1"}},
		"named":     {fmt.Errorf("deploy: %w", west), []string{"us-west-2"}},
		"several":   {fmt.Errorf("stopped: %w", errors.Join(east, cause, fmt.Errorf("x: %w", errors.Join(west, east)))), []string{"us-east-1", "us-west-2"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, regionerr.Of(test.err)) })
	}
}

func TestTheTextOfAnError(t *testing.T) {
	cause := errors.Join(errors.New("one"), errors.New("two"))
	marked, named := regionerr.Mark("us-east-1", cause), regionerr.Name("us-east-1", cause)
	require.EqualError(t, marked, "one\ntwo")
	require.EqualError(t, named, "us-east-1: one\nus-east-1: two")
	require.ErrorIs(t, marked, cause)
	require.ErrorIs(t, named, cause)
	require.NoError(t, regionerr.Mark("us-east-1", nil))
	require.NoError(t, regionerr.Name("us-east-1", nil))
}

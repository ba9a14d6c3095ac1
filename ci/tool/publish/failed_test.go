package publish

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report/regionerr"
)

func TestFailedIn(t *testing.T) {
	cause := errors.New("no answer")
	of := func(host string) error {
		return failed(reference.Item{Image: "a", Repository: host + "/x"}, "publish", cause)
	}
	const east, west = "123456789012.dkr.ecr.us-east-1.amazonaws.com", "123456789012.dkr.ecr.us-west-2.amazonaws.com"
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"nothing failed":      {failed(reference.Item{Image: "a", Repository: east + "/x"}, "publish", nil), nil},
		"of an item":          {of(east), []string{"us-east-1"}},
		"of no region":        {of("127.0.0.1:5000"), nil},
		"several, and a stop": {Stopped(errors.Join(of(east), cause, of(west), of(east)), "nothing"), []string{"us-east-1", "us-west-2"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, regionerr.Of(test.err)) })
	}
	assert.EqualError(t, of(east), "publish a: no answer")
}

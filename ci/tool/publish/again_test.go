package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/registry"
)

// known is an error that says whether it passes: of AWS, or of the client of registries.
type known struct{ passing bool }

func (known) Error() string   { return "known" }
func (k known) Passing() bool { return k.passing }

// asked is the error of the client of registries for the answer of one.
func asked(t *testing.T, status int) error {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	client := registry.NewClient(registry.Options{Retry: &registry.Retry{Attempts: 1}})
	_, _, err := client.Digest(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/x", "latest")
	require.Error(t, err)
	return err
}

func TestWhetherTheSameCommandGoesOn(t *testing.T) {
	const (
		goesOn = "\nnothing was published; run the same command again to continue where it stopped"
		mend   = "\nnothing was published; the same command fails again until that is changed, and then continues where it stopped"
		never  = "\nnothing was published; the same command fails again"
	)
	answer := func(status int) error { return fmt.Errorf("push: %w", asked(t, status)) }
	for title, test := range map[string]struct {
		err  error
		want string
	}{
		"busy":                            {answer(http.StatusTooManyRequests), goesOn},
		"broken":                          {answer(http.StatusBadGateway), goesOn},
		"a cut connection":                {answer(0), goesOn},
		"an interrupt":                    {fmt.Errorf("push: %w", context.Canceled), goesOn},
		"AWS is busy":                     {fmt.Errorf("look: %w", known{true}), goesOn},
		"another publish":                 {fmt.Errorf("x: %w", later("another publish moves them")), goesOn},
		"all pass":                        {errors.Join(answer(http.StatusBadGateway), known{true}), goesOn},
		"no permission":                   {answer(http.StatusForbidden), mend},
		"AWS has no permission":           {fmt.Errorf("look: %w", known{false}), mend},
		"one of several does not pass":    {fmt.Errorf("publish: %w", errors.Join(answer(http.StatusBadGateway), answer(http.StatusForbidden))), mend},
		"whatever the order":              {errors.Join(errors.Join(known{false}, nil), known{true}), mend},
		"a file":                          {errors.New("no space left on device"), mend},
		"a commit tag of another image":   {fmt.Errorf("publish a: tag names another; %w", errTaken), never},
		"the same, found out when tagged": {fmt.Errorf("%w; it names x now; %w", answer(http.StatusBadRequest), errTaken), never},
	} {
		t.Run(title, func(t *testing.T) {
			got := Stopped(test.err, "nothing was published")
			assert.Equal(t, test.err.Error()+test.want, got.Error())
			assert.Equal(t, got, Stopped(got, "something else"), "it is said once")
			assert.ErrorIs(t, got, test.err)
		})
	}
	require.NoError(t, Stopped(nil, "nothing was published"))
	assert.Equal(t, "interrupted"+goesOn, Stopped(context.Canceled, "nothing was published").Error())
}

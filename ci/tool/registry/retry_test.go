package registry

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"0":                             0,
		"soon":                          0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": -5 * time.Second,
	}
	for header, want := range tests {
		assert.Equal(t, want, parseRetryAfter(header, now), header)
	}
}

func TestPassing(t *testing.T) {
	answer := func(code int) error { return fmt.Errorf("push: %w", &transport.Error{StatusCode: code}) }
	tests := map[string]struct {
		err  error
		want bool
	}{
		"throttled":              {answer(http.StatusTooManyRequests), true},
		"unavailable":            {answer(http.StatusServiceUnavailable), true},
		"internal error":         {answer(http.StatusInternalServerError), true},
		"not found":              {answer(http.StatusNotFound), false},
		"forbidden":              {answer(http.StatusForbidden), false},
		"bad request":            {answer(http.StatusBadRequest), false},
		"a broken upload":        {&transport.Error{StatusCode: http.StatusRequestedRangeNotSatisfiable, Errors: []transport.Diagnostic{{Code: "RANGE_INVALID"}}}, true},
		"an upload that is gone": {&transport.Error{StatusCode: http.StatusNotFound, Errors: []transport.Diagnostic{{Code: transport.BlobUploadUnknownErrorCode}}}, true},
		"a cut connection":       {fmt.Errorf("x: %w", io.ErrUnexpectedEOF), true},
		"a reset":                {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		"an unknown host":        {&net.DNSError{Err: "no such host", IsNotFound: true}, false},
		"a timeout":              {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, true},
		"a missing file":         {os.ErrNotExist, false},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) { assert.Equal(t, test.want, passing(test.err)) })
	}
}

// server answers each request as the next of answers says, then with 404.
func server(t *testing.T, answers ...func(http.ResponseWriter)) (host string, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		n := int(count.Add(1))
		if n <= len(answers) {
			answers[n-1](w)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), count
}

func throttle(after string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	host, count := server(t, throttle("1"))
	c := NewClient(Options{Retry: &Retry{Attempts: 3, First: time.Nanosecond, Longest: time.Nanosecond, Patience: time.Minute}})
	start := time.Now()
	_, ok, err := c.Digest(t.Context(), host+"/a", "latest")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.EqualValues(t, 2, count.Load())
	assert.GreaterOrEqual(t, time.Since(start), time.Second, "it waits as long as the registry asks")

	host, count = server(t, throttle("3600"))
	_, _, err = c.Digest(t.Context(), host+"/a", "latest")
	require.ErrorContains(t, err, "the registry asks to wait 1h0m0s: ")
	assert.EqualValues(t, 1, count.Load())
}

func TestItGivesUp(t *testing.T) {
	broken := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	host, count := server(t, broken, broken, broken, broken, broken)
	c := NewClient(Options{Retry: &Retry{Attempts: 3, First: time.Millisecond, Longest: time.Millisecond}})
	_, _, err := c.Digest(t.Context(), host+"/a", "latest")
	require.ErrorContains(t, err, "look up latest in "+host+"/a: gave up after 3 attempts: ")
	assert.EqualValues(t, 3, count.Load())
}

func TestAnInterruptEndsTheWait(t *testing.T) {
	host, _ := server(t, throttle("60"))
	c := NewClient(Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, _, err := c.Digest(ctx, host+"/a", "latest")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 30*time.Second)
}

func TestARefusedLogin(t *testing.T) {
	refuse := func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // without a login
	host, count := server(t, slices.Repeat([]func(http.ResponseWriter){refuse}, 10)...)
	_, _, err := NewClient(Options{}).Digest(t.Context(), host+"/a", "latest")
	require.ErrorContains(t, err, "there is no login for "+host+": log in with docker login "+host)
	assert.EqualValues(t, 1+relogins, count.Load())

	t.Setenv("DOCKER_CONFIG", t.TempDir())
	config := fmt.Sprintf(`{"auths":{%q:{"username":"me","password":"old"}}}`, host)
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600))
	_, _, err = NewClient(Options{}).Digest(t.Context(), host+"/a", "latest")
	require.ErrorContains(t, err, "the registry does not accept the login, or the login has no permission for this")
	assert.EqualValues(t, 2*(1+relogins), count.Load())
	var answer *transport.Error
	require.ErrorAs(t, err, &answer)
}

// ECR answers 403 to a push that exceeds a limit, as to one without permission.
func TestALimitIsNoMatterOfTheLogin(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for message, limit := range map[string]bool{
		"The image with digest 'sha256:1' in the repository with name 'a' already has the maximum allowed number of tags which is '1000'":    true,
		"The repository with name 'a' in registry with id '123456789012' already has the maximum allowed number of images which is '100000'": true,
		"LimitExceededException: The operation did not succeed because it would have exceeded a service limit for your account":              true,
		"The image has reached the limit of tags": true,
		"Quota exceeded": true,
		"User: arn:aws:sts::123456789012:assumed-role/a is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:eu-central-1:123456789012:repository": false,
		"Your authorization token has expired. Reauthenticate and try again.":                                                                                     false,
	} {
		answer := func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":%q}]}`, message)
		}
		host, count := server(t, slices.Repeat([]func(http.ResponseWriter){answer}, 10)...)
		_, err := NewClient(Options{}).Tags(t.Context(), host+"/a")
		require.ErrorContains(t, err, message)
		if limit {
			require.ErrorContains(t, err, "; this is a limit of the registry: at ECR, `bin/ci retention` removes tags and images that nothing needs")
			assert.NotContains(t, err.Error(), "log in")
			assert.EqualValues(t, 1, count.Load(), "a new login does not help")
		} else {
			require.ErrorContains(t, err, "there is no login for ")
		}
	}
}

// A list of tags whose pages never end.
func TestAListWithoutEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.Header().Set("Link", `</v2/a/tags/list?last=x>; rel="next"`)
			fmt.Fprint(w, `{"name":"a","tags":["x"]}`)
		}
	}))
	t.Cleanup(s.Close)
	_, err := NewClient(Options{}).Tags(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/a")
	require.ErrorContains(t, err, "the list of tags has more than 10000 pages")
}

package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"lambdas.internal/ci/tool/report"
)

// Retry says how often, and after which waits, a failed request is tried again.
type Retry struct {
	// Attempts is the number of attempts, the first included.
	Attempts int
	// First limits the first wait; the limit doubles each time, up to Longest. The wait
	// is random within the limit (full jitter), so that clients that were refused
	// together do not try again together.
	// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
	First, Longest time.Duration
	// Patience is the longest Retry-After that is accepted.
	Patience time.Duration
}

// DefaultRetry tries for about a minute. ECR throttles per second and recovers
// within a few.
var DefaultRetry = Retry{Attempts: 7, First: time.Second, Longest: 20 * time.Second, Patience: 2 * time.Minute}

// relogins is how often a request is sent again with a new login. A token can expire
// in use; a wrong password stays wrong.
const relogins = 2

// do calls try until it succeeds, fails for good, or the attempts are used up.
// It calls renew when the registry does not accept the login, so that the next attempt
// logs in again.
func (r Retry) do(ctx context.Context, try func(context.Context) error, renew func()) error {
	longest, logins := r.First, 0
	for attempt := 1; ; attempt++ {
		var asked retryAfter
		err := try(context.WithValue(ctx, retryAfterKey{}, &asked))
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case refused(err) && logins < relogins:
			logins++
			renew()
			continue
		case !passing(err):
			return judged{err, Passing(err)}
		case attempt >= r.Attempts:
			return judged{fmt.Errorf("gave up after %s: %w", report.Count(attempt, "attempt"), err), Passing(err)}
		}
		wait := time.Duration(rand.Int64N(int64(longest) + 1))
		if after := asked.get(); after > 0 {
			if after > r.Patience {
				return judged{fmt.Errorf("the registry asks to wait %s: %w", after, err), true}
			}
			wait += after
		}
		longest = min(2*longest, r.Longest)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// broken are the codes of an upload that cannot be continued.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
var broken = []transport.ErrorCode{transport.BlobUploadInvalidErrorCode, transport.BlobUploadUnknownErrorCode, "RANGE_INVALID"}

// passing tells whether the next attempt may succeed.
func passing(err error) bool {
	var answer *transport.Error
	if errors.Is(err, errLogins) { // whatever it is of: a file that ends too early, too
		return false
	}
	if errors.As(err, &answer) {
		// An upload that was cut and continued is not what the registry has of it; the next
		// attempt begins another upload.
		for _, e := range answer.Errors {
			if slices.Contains(broken, e.Code) {
				return true
			}
		}
		return answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests ||
			answer.StatusCode >= http.StatusInternalServerError
	}
	// os.ErrClosed: if a token expires during an upload, the library sends the request
	// again, with the file that is closed by then.
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrClosed, errBody,
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// Passing tells whether the same request may succeed later: the registry was busy or broken,
// or the connection failed.
func Passing(err error) bool {
	var known interface{ Passing() bool } // of another service, such as AWS
	if errors.As(err, &known) {
		return known.Passing()
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound { // a wrong name stays wrong
		return false
	}
	return passing(err) || Unreachable(err)
}

// judged is an error that says whether the same request may succeed later, to those who
// know nothing of registries.
type judged struct {
	error
	passing bool
}

func (j judged) Unwrap() error { return j.error }

func (j judged) Passing() bool { return j.passing }

// Later is an error that [Passing] is true for: its text asks for the same command again.
func Later(text string) error { return later(text) }

type later string

func (l later) Error() string { return string(l) }

func (l later) Passing() bool { return true }

// errBody is a body that does not have the promised length, digest or format.
var errBody = errors.New("the registry's answer is damaged")

// refused tells whether the registry does not accept the credentials. ECR answers
// 403 to an expired token.
func refused(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && !limited(err) &&
		(answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// limits matches how registries say that something has reached a limit, which is no matter of
// the login: ECR too answers 403 to that. A registry that is only busy answers 429.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
var limits = regexp.MustCompile(`(?i)maximum (allowed )?number|limit ?exceeded|(reached|exceeds?) the (limit|maximum)|quota`)

// limited tells whether the registry accepts no more tags or images.
func limited(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode >= http.StatusBadRequest && answer.StatusCode < http.StatusInternalServerError &&
		answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusUnauthorized && limits.MatchString(answer.Error())
}

// keys matches how ECR says that it cannot use the key that encrypts a repository.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
var keys = regexp.MustCompile(`(?i)\bkms\b`)

// explain puts what the registry answered in one line, and adds to its refusal what to do.
func explain(err error, auth authn.Authenticator, host string) error {
	var answer *transport.Error
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &answer) {
		err = report.InLine(err)
	}
	switch {
	case limited(err):
		return fmt.Errorf("%w; this is a limit of the registry: at ECR, `bin/ci retention` removes tags and images that nothing needs", err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w; check the name of the registry; if a proxy here signs its own certificates, name the file with its CA in SSL_CERT_FILE", err)
	case Unreachable(err):
		return fmt.Errorf("%w; check the network, the proxy and the name of the registry", err)
	case !refused(err):
		return err
	case keys.MatchString(answer.Error()):
		return fmt.Errorf("%w; the KMS key of the repository must be enabled, and its policy must allow the caller to use it", err)
	case auth == authn.Anonymous:
		return fmt.Errorf("%w; there is no login for %s: log in with docker login %[2]s", err, host)
	}
	how := "log in again with docker login " + host
	if _, confined := auth.(Confined); confined {
		how = "compare the policies of the caller and of the repository with docs/aws"
	}
	return fmt.Errorf("%w; the registry does not accept the login, or the login has no permission for this: %s", err, how)
}

// retryAfter is the wait that the answers to one attempt asked for.
type retryAfter struct{ nanoseconds atomic.Int64 }

func (r *retryAfter) get() time.Duration { return time.Duration(r.nanoseconds.Load()) }

type retryAfterKey struct{}

// listener stores the Retry-After of an answer for the attempt that it belongs to. It
// also sends each body from its start: if a token expires, the library sends a request again
// whose body it has already read.
type listener struct{ inner http.RoundTripper }

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		fresh := *r
		fresh.Body, r = body, &fresh
	}
	response, err := l.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if asked, ok := r.Context().Value(retryAfterKey{}).(*retryAfter); ok {
		if wait := parseRetryAfter(response.Header.Get("Retry-After"), time.Now()); wait > 0 {
			asked.nanoseconds.Store(int64(wait))
		}
	}
	return response, nil
}

// parseRetryAfter reads seconds or a date (RFC 9110, 10.2.3); anything else is zero.
func parseRetryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return at.Sub(now)
	}
	return 0
}

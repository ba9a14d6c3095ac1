package gemini

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
)

const (
	// baseURLVariable replaces the address of the service, as in Google's own libraries.
	baseURLVariable = "GOOGLE_GEMINI_BASE_URL"
	defaultBaseURL  = "https://generativelanguage.googleapis.com"
	// answerLimit is the size of the largest answer, in bytes: many times that of a picture.
	answerLimit = 128 << 20
	// errorLimit is how much of an error is read, in bytes.
	errorLimit = 64 << 10
)

// modelPattern is what a model may be called: a name, or a kind and a name, such as
// tunedModels/trips, and maxModel how long. Each cold start compiles the pattern; with the
// length in it, it would be many times as large.
var modelPattern = regexp.MustCompile(`^(?:[A-Za-z]+/)?[A-Za-z0-9][A-Za-z0-9._-]*$`)

const maxModel = 100

// statusError is an answer with another status than 200.
type statusError struct {
	code            int
	status, message string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.code, e.status, e.message)
}

// passing are the statuses after which the same call may succeed.
var passing = map[int]bool{
	http.StatusRequestTimeout: true, http.StatusTooManyRequests: true, http.StatusInternalServerError: true,
	http.StatusBadGateway: true, http.StatusServiceUnavailable: true, http.StatusGatewayTimeout: true,
}

// call sends the request until it is answered, or until the retries are used up.
func (c *Client) call(ctx context.Context, model string, r request) (answer, error) {
	if len(model) > maxModel || !modelPattern.MatchString(model) {
		return answer{}, fault.New(fault.InvalidInput, "gemini: %q is no name of a model", model)
	}
	if !strings.Contains(model, "/") {
		model = "models/" + model
	}
	url := c.baseURL + "/v1beta/" + model + ":generateContent"
	for attempt := int32(1); ; attempt++ {
		got, err := c.once(ctx, url, r)
		if attempt >= attempts(err, c.retries) {
			return got, err
		}
		if err := wait(ctx, c.retries.delay(attempt)); err != nil {
			return answer{}, err
		}
	}
}

// attempts is how often a request is sent that ends with err.
func attempts(err error, r Retries) int32 {
	if failed, ok := errors.AsType[*statusError](err); ok && passing[failed.code] {
		return r.Attempts
	}
	if _, ok := errors.AsType[*unreachable](err); ok {
		return min(connectAttempts, r.Attempts)
	}
	return 1
}

// once sends the request.
func (c *Client) once(ctx context.Context, url string, r request) (answer, error) {
	var got answer
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, r.body())
	if err != nil {
		return got, err
	}
	req.ContentLength = r.size()
	req.GetBody = func() (io.ReadCloser, error) { return r.body(), nil }
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Goog-Api-Key", c.key)
	resp, err := c.http.Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return got, readError(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&got); err != nil {
		return got, fmt.Errorf("read the answer: %w", err)
	}
	return got, nil
}

func readError(resp *http.Response) error {
	var body struct {
		Error struct{ Message, Status string }
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, errorLimit))
	if err == nil {
		err = json.Unmarshal(data, &body)
	}
	if err != nil || body.Error.Message == "" {
		return &statusError{resp.StatusCode, http.StatusText(resp.StatusCode), "the service says no more"}
	}
	return &statusError{resp.StatusCode, body.Error.Status, body.Error.Message}
}

// delay is how long to wait after so many attempts.
func (r Retries) delay(attempts int32) time.Duration {
	seconds := min(r.FirstDelay*float64(int64(1)<<min(attempts-1, 30)), r.MaxDelay) + rand.Float64()*r.FirstDelay
	return time.Duration(seconds * float64(time.Second))
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

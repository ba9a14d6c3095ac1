// Package gemini calls Google's Gemini models to edit images and to answer questions
// with JSON. Its callers supply the prompts.
package gemini

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"lambdas.internal/shared/apikey"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// ModelVariable names the model that is used when the event names none.
const ModelVariable = "GEMINI_MODEL"

// Models that are used when neither the event nor GEMINI_MODEL names one.
const (
	DefaultImageModel = "gemini-2.5-flash-image"
	DefaultTextModel  = "gemini-2.5-flash"
)

// Client calls one Gemini account.
type Client struct {
	http         *http.Client
	key, baseURL string
	model        string
	retries      Retries
}

// Retries says how often and when a call is repeated that Gemini rejects as one too many
// (429) or cannot answer (408, 5xx).
type Retries struct {
	// Attempts is how often a call is made, the first time included.
	Attempts int32
	// FirstDelay is the first wait in seconds. It doubles each time, up to MaxDelay.
	FirstDelay, MaxDelay float64
}

// DefaultRetries waits 1, 2, 4 and 8 seconds, each time plus up to one random second:
// short enough for the minutes that a Lambda function has.
var DefaultRetries = Retries{Attempts: 5, FirstDelay: 1, MaxDelay: 10}

// New returns a Client that authenticates with key. The model is the one in GEMINI_MODEL
// or, if that is not set, defaultModel. GOOGLE_GEMINI_BASE_URL replaces the address of the
// service.
func New(key, defaultModel string, retries Retries) *Client {
	return &Client{
		http: &http.Client{Transport: transport}, key: key, retries: retries,
		baseURL: strings.TrimSuffix(settings.Optional(baseURLVariable, defaultBaseURL), "/"),
		model:   settings.Optional(ModelVariable, defaultModel),
	}
}

// FromEnvironment returns a Client with the key that apikey finds, and [DefaultRetries].
func FromEnvironment(ctx context.Context, defaultModel string) (*Client, error) {
	key, err := apikey.Find(ctx)
	if err != nil {
		return nil, err
	}
	return New(key, defaultModel, DefaultRetries), nil
}

// Image is an encoded picture.
type Image struct {
	Data []byte
	// MIMEType of Data, for instance "image/jpeg".
	MIMEType string
}

// generate makes one call and returns the parts of the answer. If the answer was cut
// short, the error is a fault.Transient; if Gemini refused, a fault.SafetyBlocked.
func (c *Client) generate(ctx context.Context, model string, r request) ([]part, error) {
	got, err := c.call(ctx, model, r)
	if err != nil {
		return nil, classify(model, err)
	}
	if f := got.PromptFeedback; f.BlockReason != "" && f.BlockReason != "BLOCK_REASON_UNSPECIFIED" {
		return nil, fault.New(fault.SafetyBlocked, "gemini %s: the request was blocked: %s %s", model, f.BlockReason, f.BlockReasonMessage)
	}
	if len(got.Candidates) == 0 {
		return nil, fault.New(fault.Transient, "gemini %s: no candidate in the answer", model)
	}
	candidate := got.Candidates[0]
	if kind, ok := refusals[candidate.FinishReason]; ok {
		return nil, fault.New(kind, "gemini %s: the answer ended with %s %s", model, candidate.FinishReason, candidate.FinishMessage)
	}
	if len(candidate.Content.Parts) == 0 {
		return nil, fault.New(fault.Transient, "gemini %s: the answer is empty (%s)", model, candidate.FinishReason)
	}
	return candidate.Content.Parts, nil
}

// refusals are the finish reasons that come without a usable answer
// (ai.google.dev/api/generate-content#FinishReason).
var refusals = map[string]fault.Kind{
	"MAX_TOKENS":               fault.Transient,
	"OTHER":                    fault.Transient,
	"IMAGE_OTHER":              fault.Transient,
	"NO_IMAGE":                 fault.Transient,
	"MALFORMED_FUNCTION_CALL":  fault.Transient,
	"UNEXPECTED_TOOL_CALL":     fault.Transient,
	"TOO_MANY_TOOL_CALLS":      fault.Transient,
	"LANGUAGE":                 fault.InvalidInput,
	"SAFETY":                   fault.SafetyBlocked,
	"RECITATION":               fault.SafetyBlocked,
	"BLOCKLIST":                fault.SafetyBlocked,
	"PROHIBITED_CONTENT":       fault.SafetyBlocked,
	"SPII":                     fault.SafetyBlocked,
	"IMAGE_SAFETY":             fault.SafetyBlocked,
	"IMAGE_PROHIBITED_CONTENT": fault.SafetyBlocked,
	"IMAGE_RECITATION":         fault.SafetyBlocked,
}

// classify gives an error its kind by the HTTP status. Without a status, for instance when
// the answer breaks off, the kind is fault.Transient.
func classify(model string, err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	kind, why := fault.Transient, "the answer broke off"
	var api *statusError
	if _, ok := errors.AsType[*unreachable](err); ok {
		return fault.New(kind, "gemini %s: the service cannot be reached: %w", model, err)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		kind, why = fault.DeadlineExceeded, "the time ran out"
	case !errors.As(err, &api):
	case api.code == http.StatusUnauthorized, api.code == http.StatusForbidden, api.code == http.StatusNotFound:
		kind, why = fault.Configuration, "the key or the model's name is wrong"
	case api.code == http.StatusTooManyRequests:
		why = "too many requests, or the quota is used up; try again later"
	case api.code >= 400 && api.code < 500 && api.code != http.StatusRequestTimeout:
		kind, why = fault.InvalidInput, "the model refused the request"
	default:
		why = "the service failed; try again later"
	}
	return fault.New(kind, "gemini %s: %s: %w", model, why, err)
}

func noPart(model, what string) error {
	return fault.New(fault.Transient, "gemini %s: no %s in the answer", model, what)
}

// Package gemini calls Google's Gemini models to edit images and to answer questions
// with JSON. Its callers supply the prompts.
package gemini

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/genai"

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
	genai *genai.Client
	model string
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
// or, if that is not set, defaultModel. GOOGLE_GEMINI_BASE_URL, which the library reads,
// replaces the address of the service.
func New(ctx context.Context, key, defaultModel string, retries Retries) (*Client, error) {
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey:     key,
		Backend:    genai.BackendGeminiAPI,
		HTTPClient: &http.Client{Transport: transport},
		HTTPOptions: genai.HTTPOptions{RetryOptions: &genai.HTTPRetryOptions{
			Attempts: &retries.Attempts, InitialDelay: &retries.FirstDelay, MaxDelay: &retries.MaxDelay, Jitter: &retries.FirstDelay,
		}},
	})
	if err != nil {
		return nil, fault.New(fault.Configuration, "gemini: %w", err)
	}
	return &Client{genai: client, model: settings.Optional(ModelVariable, defaultModel)}, nil
}

// FromEnvironment returns a Client with the key that apikey finds, and [DefaultRetries].
func FromEnvironment(ctx context.Context, defaultModel string) (*Client, error) {
	key, err := apikey.Find(ctx)
	if err != nil {
		return nil, err
	}
	return New(ctx, key, defaultModel, DefaultRetries)
}

// Image is an encoded picture.
type Image struct {
	Data []byte
	// MIMEType of Data, for instance "image/jpeg".
	MIMEType string
}

// generate makes one call and returns the parts of the answer. If the answer was cut
// short, the error is a fault.Transient; if Gemini refused, a fault.SafetyBlocked.
func (c *Client) generate(ctx context.Context, model string, parts []*genai.Part, config *genai.GenerateContentConfig) ([]*genai.Part, error) {
	model = c.modelName(model)
	ctx, reached := withReach(ctx)
	defer reached.stop()
	response, err := c.genai.Models.GenerateContent(ctx, model, []*genai.Content{{Role: genai.RoleUser, Parts: parts}}, config)
	if err != nil {
		return nil, classify(model, reached, err)
	}
	if f := response.PromptFeedback; f != nil && f.BlockReason != "" && f.BlockReason != genai.BlockedReasonUnspecified {
		return nil, fault.New(fault.SafetyBlocked, "gemini %s: the request was blocked: %s %s", model, f.BlockReason, f.BlockReasonMessage)
	}
	if len(response.Candidates) == 0 {
		return nil, fault.New(fault.Transient, "gemini %s: no candidate in the answer", model)
	}
	candidate := response.Candidates[0]
	if kind, ok := refusals[candidate.FinishReason]; ok {
		return nil, fault.New(kind, "gemini %s: the answer ended with %s %s", model, candidate.FinishReason, candidate.FinishMessage)
	}
	if candidate.Content == nil || len(candidate.Content.Parts) == 0 {
		return nil, fault.New(fault.Transient, "gemini %s: the answer is empty (%s)", model, candidate.FinishReason)
	}
	return candidate.Content.Parts, nil
}

// refusals are the finish reasons that come without a usable answer
// (ai.google.dev/api/generate-content#FinishReason).
var refusals = map[genai.FinishReason]fault.Kind{
	genai.FinishReasonMaxTokens:              fault.Transient,
	genai.FinishReasonOther:                  fault.Transient,
	genai.FinishReasonImageOther:             fault.Transient,
	genai.FinishReasonNoImage:                fault.Transient,
	genai.FinishReasonMalformedFunctionCall:  fault.Transient,
	genai.FinishReasonUnexpectedToolCall:     fault.Transient,
	genai.FinishReasonTooManyToolCalls:       fault.Transient,
	genai.FinishReasonLanguage:               fault.InvalidInput,
	genai.FinishReasonSafety:                 fault.SafetyBlocked,
	genai.FinishReasonRecitation:             fault.SafetyBlocked,
	genai.FinishReasonBlocklist:              fault.SafetyBlocked,
	genai.FinishReasonProhibitedContent:      fault.SafetyBlocked,
	genai.FinishReasonSPII:                   fault.SafetyBlocked,
	genai.FinishReasonImageSafety:            fault.SafetyBlocked,
	genai.FinishReasonImageProhibitedContent: fault.SafetyBlocked,
	genai.FinishReasonImageRecitation:        fault.SafetyBlocked,
}

// classify gives an error of the library its kind by the HTTP status. Without a status,
// for instance when the answer breaks off, the kind is fault.Transient.
func classify(model string, reached *reach, err error) error {
	kind, why := fault.Transient, "the answer broke off"
	var api genai.APIError
	switch {
	case reached.failed():
		why = "the service cannot be reached"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		kind, why = fault.DeadlineExceeded, "the time ran out"
	case !errors.As(err, &api):
	case api.Code == http.StatusUnauthorized, api.Code == http.StatusForbidden, api.Code == http.StatusNotFound:
		kind, why = fault.Configuration, "the key or the model's name is wrong"
	case api.Code == http.StatusTooManyRequests:
		why = "too many requests, or the quota is used up; try again later"
	case api.Code >= 400 && api.Code < 500 && api.Code != http.StatusRequestTimeout:
		kind, why = fault.InvalidInput, "the model refused the request"
	default:
		why = "the service failed; try again later"
	}
	return fault.New(kind, "gemini %s: %s: %w", model, why, err)
}

func picture(img Image) *genai.Part {
	return genai.NewPartFromBytes(img.Data, img.MIMEType)
}

func noPart(model, what string) error {
	return fault.New(fault.Transient, "gemini %s: no %s in the answer", model, what)
}

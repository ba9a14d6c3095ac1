// Package gemini calls Google's Gemini models: it edits images and answers with
// JSON. It has no prompts of its own.
package gemini

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/genai"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// ModelVariable names the model for a function that is not told otherwise.
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

// Retries say how calls that Gemini rejects as too many (429) or cannot answer
// (408, 5xx) are repeated.
type Retries struct {
	// Attempts is how often a call is made altogether.
	Attempts int32
	// FirstDelay and MaxDelay, in seconds, bound the wait, which doubles each time.
	FirstDelay, MaxDelay float64
}

// DefaultRetries wait 1, 2, 4 and 8 seconds and a random second more, within the
// minutes that a Lambda has.
var DefaultRetries = Retries{Attempts: 5, FirstDelay: 1, MaxDelay: 10}

// New returns a Client that authenticates with key. The model is GEMINI_MODEL, else
// defaultModel. GOOGLE_GEMINI_BASE_URL, which the library reads, replaces the
// address of the service.
func New(ctx context.Context, key, defaultModel string, retries Retries) (*Client, error) {
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey:     key,
		Backend:    genai.BackendGeminiAPI,
		HTTPClient: &http.Client{},
		HTTPOptions: genai.HTTPOptions{RetryOptions: &genai.HTTPRetryOptions{
			Attempts: &retries.Attempts, InitialDelay: &retries.FirstDelay, MaxDelay: &retries.MaxDelay, Jitter: &retries.FirstDelay,
		}},
	})
	if err != nil {
		return nil, fault.New(fault.Configuration, "gemini: %w", err)
	}
	return &Client{genai: client, model: settings.Optional(ModelVariable, defaultModel)}, nil
}

// Image is an encoded picture.
type Image struct {
	Data []byte
	// MIMEType of Data, for instance "image/jpeg".
	MIMEType string
}

// generate makes one call and returns the parts of the answer. An answer that was
// cut short is a fault.Transient, a refused one a fault.SafetyBlocked.
func (c *Client) generate(ctx context.Context, model string, parts []*genai.Part, config *genai.GenerateContentConfig) ([]*genai.Part, error) {
	model = c.modelName(model)
	response, err := c.genai.Models.GenerateContent(ctx, model, []*genai.Content{{Role: genai.RoleUser, Parts: parts}}, config)
	if err != nil {
		return nil, classify(model, err)
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

// refusals are the finish reasons without a usable answer
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

// classify gives an error of the library its kind by the HTTP status. An answer
// that breaks off is transient.
func classify(model string, err error) error {
	kind := fault.Transient
	var api genai.APIError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		kind = fault.DeadlineExceeded
	case !errors.As(err, &api):
	case api.Code == http.StatusUnauthorized, api.Code == http.StatusForbidden, api.Code == http.StatusNotFound:
		kind = fault.Configuration // the key or the model's name
	case api.Code >= 400 && api.Code < 500 && api.Code != http.StatusTooManyRequests && api.Code != http.StatusRequestTimeout:
		kind = fault.InvalidInput
	}
	return fault.New(kind, "gemini %s: %w", model, err)
}

func picture(img Image) *genai.Part {
	return genai.NewPartFromBytes(img.Data, img.MIMEType)
}

func noPart(model, what string) error {
	return fault.New(fault.Transient, "gemini %s: no %s in the answer", model, what)
}

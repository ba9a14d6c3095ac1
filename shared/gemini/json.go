package gemini

import (
	"context"
	"encoding/json"
	"strings"

	"lambdas.internal/shared/fault"
)

// Question asks for an answer in JSON about some images.
type Question struct {
	// Model is the name of the model; when empty, the client's model.
	Model string
	// System holds the standing instructions.
	System string
	// Parts are texts (string) and images (Image), in the order that the model sees.
	Parts []any
	// Schema is the JSON schema of the answer.
	Schema any
}

// Ask sends the question and decodes the answer into the value that answer points to.
// If the answer is not the requested JSON, the error is a fault.Transient.
func (c *Client) Ask(ctx context.Context, q Question, answer any) error {
	for _, p := range q.Parts {
		switch p.(type) {
		case string, Image:
		default:
			return fault.New(fault.Internal, "gemini: a question cannot hold a %T", p)
		}
	}
	model := c.modelName(q.Model)
	zero := 0.0 // so that the same photos get the same ranks
	r, err := newRequest(q.System, q.Parts, config{ResponseMIMEType: "application/json", ResponseJSONSchema: q.Schema, Temperature: &zero})
	if err != nil {
		return fault.New(fault.Internal, "gemini %s: %w", model, err)
	}
	got, err := c.generate(ctx, model, r)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, part := range got {
		if !part.Thought {
			text.WriteString(part.Text)
		}
	}
	decoder := json.NewDecoder(strings.NewReader(text.String()))
	if err := decoder.Decode(answer); err != nil {
		return fault.New(fault.Transient, "gemini %s: the answer is not the requested JSON: %w", model, err)
	}
	return nil
}

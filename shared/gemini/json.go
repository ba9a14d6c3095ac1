package gemini

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/genai"

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
	var parts []*genai.Part
	for _, p := range q.Parts {
		switch p := p.(type) {
		case string:
			parts = append(parts, genai.NewPartFromText(p))
		case Image:
			parts = append(parts, picture(p))
		default:
			return fault.New(fault.Internal, "gemini: a question cannot hold a %T", p)
		}
	}
	config := &genai.GenerateContentConfig{
		ResponseMIMEType: "application/json", ResponseJsonSchema: q.Schema,
		Temperature: genai.Ptr[float32](0), // so that the same photos get the same ranks
	}
	if q.System != "" {
		config.SystemInstruction = genai.NewContentFromText(q.System, genai.RoleUser)
	}
	got, err := c.generate(ctx, q.Model, parts, config)
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
		return fault.New(fault.Transient, "gemini %s: the answer is not the requested JSON: %w", c.modelName(q.Model), err)
	}
	return nil
}

package gemini

import (
	"context"
	"strings"

	"lambdas.internal/shared/fault"
)

// Edited is an image that the model made, with its remark.
type Edited struct {
	Image Image
	// Text is the model's remark; often empty.
	Text string
}

// Edit has the model change an image as the instruction says. If model is empty, it uses
// the client's model.
func (c *Client) Edit(ctx context.Context, model, instruction string, img Image) (Edited, error) {
	model = c.modelName(model)
	r, err := newRequest("", []any{img, instruction}, config{ResponseModalities: []string{"TEXT", "IMAGE"}})
	if err != nil {
		return Edited{}, fault.New(fault.Internal, "gemini %s: %w", model, err)
	}
	parts, err := c.generate(ctx, model, r)
	if err != nil {
		return Edited{}, err
	}
	var edited Edited
	var said []string
	for _, part := range parts {
		if part.Text != "" && !part.Thought {
			said = append(said, part.Text)
		}
		if part.Data != nil && strings.HasPrefix(part.Data.MIMEType, "image/") && edited.Image.Data == nil {
			edited.Image = Image{Data: part.Data.Data, MIMEType: part.Data.MIMEType}
		}
	}
	edited.Text = strings.Join(said, "\n")
	if len(edited.Image.Data) == 0 {
		return Edited{}, noPart(model, "image")
	}
	return edited, nil
}

func (c *Client) modelName(model string) string {
	if model == "" {
		return c.model
	}
	return model
}

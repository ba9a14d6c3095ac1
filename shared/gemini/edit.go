package gemini

import (
	"context"
	"strings"

	"google.golang.org/genai"
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
	parts, err := c.generate(ctx, model, []*genai.Part{picture(img), genai.NewPartFromText(instruction)},
		&genai.GenerateContentConfig{ResponseModalities: []string{"TEXT", "IMAGE"}})
	if err != nil {
		return Edited{}, err
	}
	var edited Edited
	var said []string
	for _, part := range parts {
		if part.Text != "" && !part.Thought {
			said = append(said, part.Text)
		}
		if part.InlineData != nil && strings.HasPrefix(part.InlineData.MIMEType, "image/") && edited.Image.Data == nil {
			edited.Image = Image{Data: part.InlineData.Data, MIMEType: part.InlineData.MIMEType}
		}
	}
	edited.Text = strings.Join(said, "\n")
	if len(edited.Image.Data) == 0 {
		return Edited{}, noPart(c.modelName(model), "image")
	}
	return edited, nil
}

func (c *Client) modelName(model string) string {
	if model == "" {
		return c.model
	}
	return model
}

package audit

import (
	"context"
	"errors"
	"fmt"
)

// Document is a document that is attached to an image, or that attaches one.
type Document struct {
	Image string
	// Name says which document it is.
	Name string
	// Public is true if it goes to a public repository.
	Public  bool
	Content []byte
}

// Documents runs the gates content and secrets on documents before they are attached to the
// images of the last run: they are published as the images are.
func (a *Auditor) Documents(ctx context.Context, all []Document) error {
	if a.in == nil {
		return errors.New("audit: the documents of images that nobody has judged: cannot check")
	}
	var errs []error
	for _, d := range all {
		found, err := a.in.reader(d.Public).document(ctx, d.Name, d.Content)
		if err != nil {
			return fmt.Errorf("audit %s: %w", d.Image, err)
		}
		for gate, findings := range map[Gate][]string{Content: found.Private, Secrets: found.Secrets} {
			for _, f := range findings {
				errs = append(errs, fmt.Errorf("audit %s: %s: %s", d.Image, gate, f))
			}
		}
	}
	return errors.Join(errs...)
}

package audit

import (
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

// Documents runs the gates content and secrets on documents before they are attached:
// they are published as the images are.
func (a *Auditor) Documents(all []Document) error {
	rules, err := a.rules()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var errs []error
	for _, d := range all {
		found := rules.reader(d.Public).document(d.Name, d.Content)
		for gate, findings := range map[Gate][]string{Content: found.Private, Secrets: found.Secrets} {
			for _, f := range findings {
				errs = append(errs, fmt.Errorf("audit %s: %s: %s", d.Image, gate, f))
			}
		}
	}
	return errors.Join(errs...)
}

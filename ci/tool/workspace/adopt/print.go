package adopt

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/report"
)

// Table prints the proposal: the one report of all that is found, missing and to decide.
func (p *Proposal) Table(w io.Writer) error {
	var rows [][]string
	for _, f := range p.Functions {
		rows = append(rows, []string{f.Image, string(f.Variant), f.Arch(), string(f.Registry), f.Lambda, f.Folder})
	}
	if len(rows) > 0 {
		if err := report.Table(w, []string{"IMAGE", "VARIANT", "ARCHITECTURE", "REGISTRY", "LAMBDA", "FOLDER"}, rows); err != nil {
			return err
		}
	}
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"wrote", p.Written}, {"kept", p.Kept}, {"has an image.json", p.Known}, {"no function, does not use aws-lambda-go", p.Others},
		{"decide", p.Decide}, {"offer", p.Offers}, {"missing", p.Missing},
	} {
		for _, line := range section.lines {
			if _, err := fmt.Fprintf(w, "%s: %s\n", section.title, line); err != nil {
				return err
			}
		}
	}
	return nil
}

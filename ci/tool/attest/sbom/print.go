package sbom

import (
	"fmt"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"lambdas.internal/ci/tool/report"
)

// Table prints the components that a document lists.
func Table(w io.Writer, document []byte) error {
	bom, err := Read(document)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range *bom.Components {
		rows = append(rows, []string{c.Name, report.Digest(c.Version), string(c.Type), licences(c), c.PackageURL})
	}
	if err := report.Table(w, []string{"COMPONENT", "VERSION", "TYPE", "LICENCE", "PACKAGE"}, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s of %s, %s\n", report.Count(len(rows), "component"), bom.Metadata.Component.Name, bom.Metadata.Component.Version)
	return err
}

func licences(c cdx.Component) string {
	if c.Licenses == nil {
		return ""
	}
	var ids []string
	for _, l := range *c.Licenses {
		if l.License != nil {
			ids = append(ids, l.License.ID)
		}
	}
	return strings.Join(ids, ", ")
}

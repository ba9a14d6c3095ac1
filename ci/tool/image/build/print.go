package build

import (
	"fmt"
	"io"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// Table prints the images and their layers. dir is the image layout that holds them.
func (r *Report) Table(w io.Writer, dir string) error {
	header := []string{"IMAGE", "VARIANT", "LAYERS", "MB", "LAYER BY LAYER", "BASE", "REUSED", "TIME", "DIGEST"}
	var rows [][]string
	var platforms []string
	for _, i := range r.Images {
		rows, platforms = append(rows, i.cells()), append(platforms, i.Platform)
	}
	header, rows, _ = report.For(header, rows, platforms) // the last line has the words
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d of %s for %s in %s, %s\n", len(r.Images)-len(r.Failed()), report.Count(len(r.Images), "image"),
		r.Platform, dir, report.Seconds(r.Seconds))
	return err
}

func (r Row) cells() []string {
	if r.Err != nil {
		return []string{r.Image, string(r.Variant), "failed", "", "", "", "", "", ""}
	}
	var layers []string
	for _, l := range r.Layers {
		layers = append(layers, l.Kind+" "+report.MB(l.Size))
	}
	reused := strings.Join(r.Reused(), ", ")
	if reused == "" {
		reused = "nothing"
	}
	return []string{r.Image, string(r.Variant), fmt.Sprint(len(r.Layers)), report.MB(r.Size), strings.Join(layers, " + "),
		r.BaseName(), reused, report.Seconds(r.Seconds), report.Digest(r.Digest)}
}

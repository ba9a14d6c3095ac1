package audit

import (
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// CheckBudget fails an image whose compressed layers are larger than the budget of
// its function. It shows what each kind of layer has of the size.
func CheckBudget(f catalog.Function, i ImageFacts) Check {
	if f.Budget == (catalog.Budget{}) {
		return Check{Image: f.Image, Gate: Budget, Passed: true,
			Examined: fmt.Sprintf("not applicable: %s/%s names no budget", f.Folder, catalog.DescriptionFile)}
	}
	sizes := map[image.Kind]int64{}
	var size int64
	for n, kind := range image.Kinds(len(i.Manifest.Layers), i.Config.Config.Labels) {
		sizes[kind] += i.Manifest.Layers[n].Size
		size += i.Manifest.Layers[n].Size
	}
	var parts []string
	for _, kind := range []image.Kind{image.KindBase, image.KindFFmpeg, image.KindBinary} {
		if bytes, ok := sizes[kind]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", kind, megabytes(bytes)))
		}
	}
	budget, layers := f.Budget.Bytes(), strings.Join(parts, " + ")
	var findings []string
	if size > budget {
		findings = append(findings, fmt.Sprintf("the image has %s MB (%s), %s more than its budget of %s MB (%s); make it smaller, or raise `budget` in %s/%s and say why",
			megabytes(size), layers, excess(size-budget), megabytes(budget), f.Budget.Reason, f.Folder, catalog.DescriptionFile))
	}
	examined := fmt.Sprintf("%s of %s MB: %s; the budget: %s", megabytes(size), megabytes(budget), layers, f.Budget.Reason)
	return check(f.Image, Budget, int(size), examined, findings)
}

// megabytes prints a number of bytes in megabytes of 10^6 bytes.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/1e6) }

// excess prints what is too much in the unit that shows it.
func excess(bytes int64) string {
	switch {
	case bytes == 1:
		return "1 byte"
	case bytes < 1e5:
		return fmt.Sprintf("%d bytes", bytes)
	}
	return megabytes(bytes) + " MB"
}

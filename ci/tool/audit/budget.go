package audit

import (
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// CheckBudget fails an image whose compressed layers are larger than the budget of its
// function. It shows the size of each kind of layer.
func CheckBudget(f catalog.Function, i ImageFacts) Check {
	if f.Budget == (catalog.Budget{}) {
		return Check{Image: f.Image, Gate: Budget, Passed: true,
			Examined: fmt.Sprintf("not applicable: %s/%s has no budget", f.Folder, catalog.DescriptionFile)}
	}
	sizes := map[image.Kind]int64{}
	var size int64
	for n, kind := range image.Kinds(len(i.Manifest.Layers), i.Config.Config.Labels) {
		sizes[kind] += i.Manifest.Layers[n].Size
		size += i.Manifest.Layers[n].Size
	}
	var parts []string
	for _, kind := range image.AllKinds {
		if bytes, ok := sizes[kind]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", kind, report.MB(bytes)))
		}
	}
	budget, layers := f.Budget.Bytes(), strings.Join(parts, " + ")
	var findings []string
	if size > budget {
		findings = append(findings, fmt.Sprintf("the image is %s MB (%s), %s more than its budget of %s MB (%s); make it smaller, or raise `budget` in %s/%s and say why",
			report.MB(size), layers, excess(size-budget), report.MB(budget), f.Budget.Reason, f.Folder, catalog.DescriptionFile))
	}
	examined := fmt.Sprintf("%s of %s MB: %s; the budget: %s", report.MB(size), report.MB(budget), layers, f.Budget.Reason)
	return check(f.Image, Budget, int(size), examined, findings)
}

// excess prints a size in bytes, or in megabytes if it is large.
func excess(bytes int64) string {
	if bytes < 1e5 {
		return report.Count(int(bytes), "byte")
	}
	return report.MB(bytes) + " MB"
}

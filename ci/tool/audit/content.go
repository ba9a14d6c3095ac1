package audit

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// CheckContent fails a public image that contains content of private files, even if it
// imports none of them: in its binary, or as code in the sources of the binary. sources
// are the findings in the sources of the workspace, by file.
func CheckContent(f catalog.Function, program []byte, sources map[string][]string, p *fingerprint.Fingerprint, private Private) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Content)
	}
	if len(private.Folders()) == 0 {
		return Check{Image: f.Image, Gate: Content, Passed: true,
			Examined: "not applicable: nothing is private, by " + catalog.PipelineFile + " and the registries of all functions"}
	}
	examined := fmt.Sprintf("%s MB and %s for %s of %s",
		report.MB(int64(len(program))), report.Count(len(sources), "source"), report.Count(p.Windows, "piece"), report.Count(p.Files(), "private file"))
	if len(p.Short) > 0 {
		examined += ", too short to recognise: " + some(p.Short)
	}
	findings := p.Find("the binary", program)
	for _, found := range sources {
		findings = append(findings, found...)
	}
	slices.Sort(findings)
	if len(findings) > 0 {
		findings = append(findings, "if all may read it, say so in "+ExceptionsFile+" (docs/SECURITY.md shows how)")
	}
	if p.Files() == 0 && len(private.Proprietary) > 0 {
		findings = []string{"`" + strings.Join(private.Proprietary, "` or `") + "` is missing or empty: cannot check; say what is proprietary, or \"none\", in " + catalog.PipelineFile}
	}
	count := min(len(program), len(sources))
	if len(private.Proprietary) > 0 { // else it may be that all that is private is too short to recognise
		count = min(count, p.Windows)
	}
	return check(f.Image, Content, count, examined, findings)
}

// compared are the findings in sources, each of which is read once.
type compared struct {
	mu    sync.Mutex
	found map[string][]string
	// forgot says that code which everybody has is not recognised any more.
	forgot bool
}

// compare returns the findings in the sources of a public function, by file.
func (in sources) compare(ctx context.Context, f catalog.Function) (map[string][]string, error) {
	if f.Registry != catalog.Public {
		return nil, nil
	}
	all := map[string][]string{}
	order, _ := in.graph.Reach(f)
	for _, pkg := range order {
		if !pkg.Local {
			continue
		}
		for _, name := range slices.Concat(pkg.GoFiles, pkg.EmbedFiles) {
			file := filepath.Join(pkg.Dir, name)
			found, err := in.compareFile(ctx, file, cmp.Or(in.graph.File(pkg, name), file))
			if err != nil {
				return nil, fmt.Errorf("read the sources of the binary: %w", err)
			}
			all[file] = found
		}
	}
	return all, nil
}

// compareFile returns the findings in one file, which messages call shown.
func (in sources) compareFile(ctx context.Context, file, shown string) ([]string, error) {
	c := in.compared
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.found[file]; ok {
		return found, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	code := in.fingerprint.FindCode(shown, content)
	if len(code) > 0 && !c.forgot {
		// To read the code that everybody has takes seconds, and no public code was ever
		// like private one.
		public, err := in.published.known(ctx, in.fingerprint.PublicCode)
		if err != nil {
			return nil, err
		}
		in.fingerprint.Forget(public)
		c.forgot = true
		code = in.fingerprint.FindCode(shown, content)
	}
	c.found[file] = append(in.fingerprint.FindSource(shown, content), code...)
	return c.found[file], nil
}

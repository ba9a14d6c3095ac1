package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// CheckContent fails a public image that contains content of private files, even if it
// imports none of them: in its binary, or as code in the sources of the binary. sources
// are the findings in the sources of the workspace, by file.
func CheckContent(f catalog.Function, program []byte, sources map[string][]string, p *fingerprint.Fingerprint, except Exceptions) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Content)
	}
	examined := fmt.Sprintf("%s MB and %s for %s of %s",
		report.MB(int64(len(program))), report.Count(len(sources), "source"), report.Count(p.Windows, "piece"), report.Count(p.Files(), "private file"))
	if len(p.Short) > 0 {
		examined += ", too short to recognise: " + some(p.Short)
	}
	if all := except.String(); all != "" {
		examined += ", with " + all
	}
	findings := p.Find("the binary", program)
	for _, found := range sources {
		findings = append(findings, found...)
	}
	slices.Sort(findings)
	if len(findings) > 0 {
		findings = append(findings, "if all may read it, say so in "+ExceptionsFile+" (docs/SECURITY.md shows how)")
	}
	if p.Files() == 0 {
		findings = []string{"`" + ProprietaryDir + "` is missing or empty: cannot check"}
	}
	return check(f.Image, Content, min(len(program), p.Windows, len(sources)), examined, findings)
}

// compared are the findings in sources, each of which is read once.
type compared struct {
	mu    sync.Mutex
	found map[string][]string
}

// sources returns the findings in the sources of a public function, by file.
func (c *compared) sources(f catalog.Function, g *gobuild.Graph, p *fingerprint.Fingerprint) (map[string][]string, error) {
	if f.Registry != catalog.Public {
		return nil, nil
	}
	all := map[string][]string{}
	order, _ := g.Reach(f)
	for _, pkg := range order {
		if !pkg.Local {
			continue
		}
		for _, name := range slices.Concat(pkg.GoFiles, pkg.EmbedFiles) {
			file := filepath.Join(pkg.Dir, name)
			shown := g.File(pkg, name)
			if shown == "" {
				shown = file
			}
			found, err := c.source(file, shown, p)
			if err != nil {
				return nil, fmt.Errorf("read the sources of the binary: %w", err)
			}
			all[file] = found
		}
	}
	return all, nil
}

func (c *compared) source(file, shown string, p *fingerprint.Fingerprint) ([]string, error) {
	c.mu.Lock()
	found, ok := c.found[file]
	c.mu.Unlock()
	if ok {
		return found, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found = p.FindSource(shown, content)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found[file] = found
	return found, nil
}

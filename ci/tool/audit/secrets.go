package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// scanned is the cache record of content that has no credential.
type scanned struct{ Examined int }

// secrets scans the binary: its strings, the embedded files, and the workspace's own sources,
// in which strings have not been joined by the compiler.
func (a *Auditor) secrets(ctx context.Context, f catalog.Function, g *gobuild.Graph, i ImageFacts, s *secret.Scanner) (Check, error) {
	var findings []string
	bytes, files := 0, 0
	add := func(where string, found []secret.Finding, position func(secret.Finding) string) {
		for _, x := range found {
			findings = append(findings, fmt.Sprintf("%s %s: %s (%s): %s", where, position(x), x.Rule, x.Masked, x.Description))
		}
	}
	atByte := func(x secret.Finding) string { return fmt.Sprintf("byte %d", x.Offset) }
	atLine := func(x secret.Finding) string { return fmt.Sprintf("line %d (byte %d)", x.Line, x.Offset) }

	found, strings, err := a.scan(s, "program", i.Bootstrap, func() ([]secret.Finding, int) { return s.Program(i.Bootstrap) })
	if err != nil {
		return Check{}, err
	}
	add("/"+image.BootstrapPath, found, atByte)

	scanText := func(where string, content []byte) error {
		found, n, err := a.scan(s, "text", content, func() ([]secret.Finding, int) { return s.Text(content), len(content) })
		bytes += n
		add(where, found, atLine)
		return err
	}

	order, _ := g.Reach(f)
	for _, p := range order {
		folder := g.Folder(p)
		names := p.EmbedFiles
		switch {
		case p.Standard:
			continue
		case folder != "":
			names = slices.Concat(names, p.GoFiles)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return Check{}, context.Cause(ctx)
			}
			file := filepath.Join(p.Dir, name)
			content, err := os.ReadFile(file)
			if err != nil {
				return Check{}, fmt.Errorf("read the sources of the binary: %w", err)
			}
			files++
			if err := scanText(cmp.Or(folder, p.ImportPath)+"/"+filepath.ToSlash(name), content); err != nil {
				return Check{}, err
			}
		}
	}
	examined := fmt.Sprintf("%s MB of strings, %s of %.2f MB, with %s",
		report.MB(int64(strings)), report.Count(files, "file"), float64(bytes)/1e6, report.Count(s.Count(), "rule"))
	return check(f.Image, Secrets, min(strings, files, s.Count()), examined, findings), nil
}

// scan runs look, unless an earlier scan of the content with the same rules found nothing.
func (a *Auditor) scan(s *secret.Scanner, kind string, content []byte, look func() ([]secret.Finding, int)) ([]secret.Finding, int, error) {
	sum := sha256.Sum256(content)
	key := cache.Key("no secret 1", kind, s.Rules(), hex.EncodeToString(sum[:]))
	var before scanned
	if _, ok := a.cache.Load(key, &before); ok {
		return nil, before.Examined, nil
	}
	found, examined := look()
	if len(found) > 0 {
		return found, examined, nil
	}
	return nil, examined, a.cache.Save(key, scanned{examined})
}

package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// scanned is the cache record of content that has no credential.
type scanned struct{ Examined int }

// secrets scans the binary: its strings, the embedded files, and the workspace's own sources,
// in which strings have not been joined by the compiler.
func (a *Auditor) secrets(ctx context.Context, f catalog.Function, i ImageFacts, in sources) (Check, error) {
	g, s := in.graph, in.scanner
	var findings []string
	size, files := 0, 0
	add := func(where string, found []secret.Finding, position func(secret.Finding) string) {
		for _, x := range found {
			findings = append(findings, fmt.Sprintf("%s %s: %s (%s): %s", where, position(x), x.Rule, x.Masked, x.Description))
		}
	}
	atByte := func(x secret.Finding) string { return fmt.Sprintf("byte %d", x.Offset) }
	atLine := func(x secret.Finding) string { return fmt.Sprintf("line %d (byte %d)", x.Line, x.Offset) }

	found, printable, err := a.scan(s, "program", i.Bootstrap, func() ([]secret.Finding, int, error) {
		found, n := s.Program(i.Bootstrap)
		found, err := withoutPublished(ctx, found, in.published)
		return found, n, err
	})
	if err != nil {
		return Check{}, err
	}
	add("/"+image.BootstrapPath, found, atByte)

	scanText := func(where string, content []byte) error {
		kind, look := "text", s.Text
		if strings.HasSuffix(where, ".go") {
			kind, look = "source", s.Source
		}
		found, n, err := a.scan(s, kind, content, func() ([]secret.Finding, int, error) { return look(content), len(content), nil })
		size += n
		add(where, found, atLine)
		return err
	}

	order, _ := g.Reach(f)
	for _, p := range order {
		folder := g.Folder(p)
		names := p.EmbedFiles
		switch {
		case p.Public:
			continue
		case p.Local:
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
		report.MB(int64(printable)), report.Count(files, "file"), float64(size)/1e6, report.Count(s.Count(), "rule"))
	return check(f.Image, Secrets, min(printable, files, s.Count()), examined, findings), nil
}

// scan runs look, unless an earlier scan of the content with the same rules found nothing.
func (a *Auditor) scan(s *secret.Scanner, kind string, content []byte, look func() ([]secret.Finding, int, error)) ([]secret.Finding, int, error) {
	sum := sha256.Sum256(content)
	key := cache.Key("no secret 2", kind, s.Rules(), hex.EncodeToString(sum[:]))
	var before scanned
	if _, ok := a.cache.Load(key, &before); ok {
		return nil, before.Examined, nil
	}
	found, examined, err := look()
	if err != nil || len(found) > 0 {
		return found, examined, err
	}
	return nil, examined, a.cache.Save(key, scanned{examined})
}

// withoutPublished returns the findings that are not in files that everybody has, such as
// the key with which the standard library tests itself.
func withoutPublished(ctx context.Context, found []secret.Finding, p published) ([]secret.Finding, error) {
	left, err := p.without(ctx, found)
	if err != nil || len(left) == 0 {
		return nil, err
	}
	whole, err := p.whole()
	if err != nil {
		return nil, fmt.Errorf("read the standard library: %w", err)
	}
	return whole.without(ctx, left)
}

// without returns the findings that are not in the files.
func (p published) without(ctx context.Context, found []secret.Finding) ([]secret.Finding, error) {
	if len(found) == 0 {
		return nil, nil
	}
	known := make([]atomic.Bool, len(found))
	err := p.each(ctx, func(_ string, content []byte) {
		for n, f := range found {
			if bytes.Contains(content, []byte(f.Text)) {
				known[n].Store(true)
			}
		}
	})
	var left []secret.Finding
	for n, f := range found {
		if !known[n].Load() {
			left = append(left, f)
		}
	}
	return left, err
}

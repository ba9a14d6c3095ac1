// Package links tests the links in this repository's documents.
package links

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"lambdas.internal/ci/tool/internal/testkit"
)

const root = "../../../.."

// document has the anchors and the links of a document.
type document struct {
	anchors map[string]bool
	targets []string
	shown   []string // [text][name] without a definition, which GitHub shows as plain text
}

// read parses a document in GitHub's Markdown.
func read(content []byte) document {
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM))
	d := document{anchors: map[string]bool{}}
	tree := markdown.Parser().Parse(text.NewReader(content), parser.WithContext(parser.NewContext()))
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			anchor := slug(plain(n, content, true))
			for name, i := anchor, 1; ; i++ {
				if !d.anchors[name] {
					d.anchors[name] = true
					break
				}
				name = fmt.Sprintf("%s-%d", anchor, i)
			}
		case *ast.Link:
			d.targets = append(d.targets, string(n.Destination))
		case *ast.Image:
			d.targets = append(d.targets, string(n.Destination))
		case *ast.AutoLink:
			d.targets = append(d.targets, string(n.URL(content)))
		case *ast.Paragraph, *ast.TextBlock, *extast.TableCell:
			if shown := plain(n, content, false); strings.Contains(shown, "][") {
				d.shown = append(d.shown, shown)
			}
		}
		return ast.WalkContinue, nil
	})
	return d
}

// plain returns the text of a node without markup, with or without code.
func plain(n ast.Node, content []byte, code bool) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(c.Value(content))
		case *ast.String:
			b.Write(c.Value)
		case *ast.CodeSpan:
			if code { // a type of Go may look like a link
				b.WriteString(plain(c, content, code))
			}
		default:
			b.WriteString(plain(c, content, code))
		}
	}
	return b.String()
}

// slug returns the anchor that GitHub gives a heading: lower case, no punctuation except -
// and _, and a dash for each space.
// https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 127:
			return r
		default:
			return -1
		}
	}, strings.ToLower(heading))
}

// check returns an error for a broken link of a document below dir.
func check(dir, from, target string) error {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err
	case u.Scheme == "mailto":
		return nil
	case u.Scheme != "" || u.Host != "":
		return external(u)
	}
	name := from
	if u.Path != "" {
		if path.IsAbs(u.Path) {
			return errors.New("begins with a slash; name the file from here")
		}
		name = path.Join(path.Dir(from), u.Path)
	}
	if strings.HasPrefix(name, "../") {
		return errors.New("leads out of the repository")
	}
	info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("%s does not exist", name)
	}
	if u.Fragment == "" {
		return nil
	}
	if info.IsDir() || path.Ext(name) != ".md" {
		return fmt.Errorf("%s has no anchors", name)
	}
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	if !read(content).anchors[u.Fragment] {
		return fmt.Errorf("%s has no heading #%s", name, u.Fragment)
	}
	return nil
}

// external returns an error for a wrong link to another site, as far as this is visible
// without a request.
func external(u *url.URL) error {
	switch {
	case u.Scheme != "https" && !strings.HasPrefix(u.Host, "127.0.0.1") && !strings.HasPrefix(u.Host, "localhost") && !strings.HasSuffix(u.Hostname(), ".localhost"):
		return errors.New("is not https")
	case u.User != nil:
		return errors.New("names a user")
	case u.Hostname() == "" || strings.Trim(u.Hostname(), ".") != u.Hostname() || !strings.Contains(u.Hostname(), ".") && u.Hostname() != "localhost":
		return fmt.Errorf("%q is not a host", u.Host)
	}
	return nil
}

func TestLinks(t *testing.T) {
	checked := 0
	for _, file := range testkit.Sources(t, root, ".md") {
		d := read(testkit.Source(t, root, file))
		for _, target := range d.targets {
			checked++
			if err := check(root, file, target); err != nil {
				assert.Fail(t, err.Error(), "%s: %s", file, target)
			}
		}
		assert.Empty(t, d.shown, "%s: a link whose target is not defined", file)
	}
	assert.Greater(t, checked, 20, "too few links were found")
}

func TestLinksThatAreBroken(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{
		"README.md": "# The title\n\n## `ci new`, and *more*\n\n## Twice\n\n## Twice\n", "docs/a.md": "# A\n", "docs/b.go": "package b\n",
	})
	for target, good := range map[string]bool{
		"a.md": true, "./a.md#a": true, "#a": true, "../README.md": true, "../README.md#the-title": true, "..": true, "b.go": true,
		"../README.md#ci-new-and-more": true, "../README.md#twice": true, "../README.md#twice-1": true,
		"https://example.org/x#y": true, "http://127.0.0.1:8080": true, "mailto:a@example.org": true,

		"c.md": false, "README.md": false, "../README.md#the-titel": false, "#b": false, "../README.md#twice-2": false, "/docs/a.md": false,
		"../../x": false, "b.go#L1": false, "..#a": false,
		"http://example.org": false, "ftp://example.org": false, "https://": false, "https://exam ple.org": false, "https://example": false,
		"https://me@example.org": false, "htps://example.org": false, "%zz": false, "//example.org": false,
	} {
		err := check(dir, "docs/a.md", target)
		assert.Equal(t, good, err == nil, "%s: %v", target, err)
	}
	d := read([]byte("[a](b) ![c](d.png) <https://e.org> https://f.org [g][h] [i][j]\n\n[h]: k\n\n`[l](m)` `map[p][q]r`\n\n    [n](o)\n"))
	assert.Equal(t, []string{"b", "d.png", "https://e.org", "https://f.org", "k"}, d.targets)
	require.Len(t, d.shown, 1)
}

// Who reads the first page does not know yet whether to read more.
func TestTheReadmeIsShort(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(content), "\n"), 150, "lines of README.md; put it into a page of docs")
}

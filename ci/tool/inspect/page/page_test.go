package page_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/page"
	"lambdas.internal/ci/tool/internal/testkit"
)

// hostile is what somebody could write into a registry, for readers of the page.
const hostile = `<script>alert(1)</script><img src=https://evil.test/x onerror=alert(1)>`

// whole is a page with all that there is.
func whole() *page.Page {
	digest := func(text string) string { return testkit.Digest(text).String() }
	base := page.Layer{Kind: "base", Digest: digest("base"), Bytes: 39_100_000}
	ffmpeg := page.Layer{Kind: "ffmpeg", Digest: digest("ffmpeg"), Bytes: 55_200_000}
	return &page.Page{
		Workspace: "lambdas", Commit: "abc1234", Since: "0123456", Made: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), NewBytes: 8_300_000,
		Images: []page.Image{
			{Name: "api", Lambda: "ApiHandler", Variant: "light", Platform: "linux/arm64", Repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambda-light", Digest: digest("api"), Before: digest("api"),
				Layers: []page.Layer{base, {Kind: "binary", Digest: digest("api binary"), Bytes: 4_100_000}}, Bytes: 43_200_000, Builder: "https://github.com/us/lambdas/.github/workflows/main.yml@refs/heads/main"},
			{Name: "thumb", Lambda: "ThumbnailProcessor", Variant: "heavy", Public: true, Repository: "public.ecr.aws/a1b2c3d4/lambda-heavy", Digest: digest("thumb"), Before: digest("old thumb"),
				Layers: []page.Layer{base, ffmpeg, {Kind: "files", Digest: digest("files"), Bytes: 900_000}, {Kind: "binary", Digest: digest("thumb binary"), Bytes: 4_200_000, New: true}}, Bytes: 99_400_000, Grew: -1200,
				Sources: []string{"functions/thumbnail-lambda/handler.go"}, Versions: []string{"golang.org/x/image v0.30.0 → v0.31.0"},
				Packages:        []page.Package{{Name: "golang.org/x/image", Version: "v0.31.0", Kind: "library"}, {Name: "ffmpeg", Version: "7.1", Kind: "application", Licence: "GPL-3.0-or-later"}},
				Vulnerabilities: []page.Vulnerability{{ID: "GO-2026-1234, CVE-2026-5678", Summary: "Panic when decoding " + hostile, Module: "golang.org/x/image", Found: "v0.31.0", Fixed: "v0.32.0", Reach: "called", Redeploy: true}}},
			{Name: "new", Variant: "light", Repository: "registry.test/lambda-light", Digest: digest("new"), Layers: []page.Layer{base, {Kind: "strange", Digest: digest("strange"), Bytes: 1, New: true}}, Bytes: 39_100_001, Grew: 39_100_001},
		},
		Cost:     &page.Cost{Dollars: 0.02, Source: "Prices of ECR in us-east-1, 2026-03.", Repositories: []page.Repository{{Name: "lambda-light", Bytes: 43_200_000, Dollars: 0.004}, {Name: "lambda-heavy", Bytes: 99_400_000, Dollars: 0.016}}},
		Releases: []page.Made{{Kind: "deploy", Time: time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC), Who: "arn:aws:sts::123456789012:assumed-role/deploy/" + hostile, Where: "123456789012-eu-central-1", Alias: "live", Images: []string{"thumb", "new"}}},
		Checked:  "Checked with https://vuln.go.dev as of 2026-11-28 10:00 UTC.",
		Verified: "Each image was built again from commit abc1234 for linux/amd64 and compared with the registries.",
		Places: []page.Place{
			{Image: "api", Repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambda-light", Same: true, Result: "same", Signed: "yes", Signer: "SHA256:oPkobEjoJ3MGQzbQk+nFNR6sDW2ybSQWdn9l/hBOSks="},
			{Image: "thumb", Repository: "public.ecr.aws/a1b2c3d4/lambda-heavy", Result: "differs", Signed: "no"},
		},
		Unknown: []string{"which files are the reason for a change: commit abc1234 is not what is checked out"},
	}
}

// bare is a page of which nothing is known but the images.
func bare() *page.Page {
	p := whole()
	return &page.Page{Workspace: "lambdas", Commit: "abc1234", Made: p.Made, Images: p.Images[:1], NewBytes: p.Images[0].Bytes}
}

func written(t *testing.T, p *page.Page) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, p.Write(&out))
	return out.Bytes()
}

// needs is what a page that needs something else, or runs something, has.
var needs = regexp.MustCompile(`(?i)<(?:script|img|link|iframe|object|embed|base)\b|<[a-z][^<>]*\s(?:src|href|on[a-z]+)=|url\(|@import`)

func TestWrite(t *testing.T) {
	for name, p := range map[string]*page.Page{"whole.html": whole(), "bare.html": bare()} {
		t.Run(name, func(t *testing.T) {
			content := written(t, p)
			testkit.Golden(t, name, content)
			// It needs nothing but itself, and runs nothing.
			assert.Empty(t, needs.FindAllString(string(content), -1))
		})
	}
}

func TestWhatThePageSays(t *testing.T) {
	text := string(written(t, whole()))
	for title, want := range map[string]string{
		"what changed":                "2 of 3<small>",
		"one vulnerability to fix":    `<span class="bad">1 to fix</span>`,
		"a failed verification":       `<span class="bad">1 of 2 failed</span>`,
		"a change of a few bytes":     "−1.2 kB",
		"the bar in words":            `aria-label="Layers: base 39.1 MB, ffmpeg 55.2 MB, files 0.9 MB, binary 4.2 MB"`,
		"the largest fills its bar":   `style="width:100%"`,
		"who deployed, made harmless": "assumed-role/deploy/&lt;script&gt;",
	} {
		assert.Contains(t, text, want, title)
	}
	assert.Less(t, strings.Index(text, "<h3>thumb</h3>"), strings.Index(text, "<h3>api</h3>"), "what changed comes first")
	nothing := string(written(t, bare()))
	assert.Equal(t, 2, strings.Count(nothing, `<span class="muted">not checked</span>`))
	assert.NotContains(t, nothing, `class="good"`, "what was not checked is not good")
}

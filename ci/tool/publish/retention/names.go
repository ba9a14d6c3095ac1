package retention

import (
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The kinds of tags that publish, deploy and retention set.
const (
	commitKind = "commit" // as [catalog.Tags] has it
	latestKind = "latest" // as [catalog.Tags] has it
	liveKind   = "live"   // NAME-ACCOUNT-REGION-live
	shieldKind = "shield" // NAME-DIGITS-ACCOUNT-REGION-live, with digits of the image's digest
)

// tag is a tag that was read.
type tag struct {
	name, kind, commit string
	// side is that of a live tag; zero for one from before they had a side.
	side reference.Side
}

var (
	liveTag = regexp.MustCompile(`^([a-z0-9]+(?:-[a-z0-9]+)*)` + reference.LiveSuffix + `$`)
	digits  = regexp.MustCompile(`^(.+)-([0-9a-f]{12})$`)
)

// Names are the image names that a repository is for, and the patterns of their tags.
type Names struct {
	All  []string
	Tags catalog.Tags
}

// has tells whether the repository is for the name.
func (n Names) has(name string) bool { return slices.Contains(n.All, name) }

// reservedName is that of release records: see package history.
const reservedName = "release"

// read reads a tag; ok is false for one that nothing here sets. The digest is that of its
// image.
func (n Names) read(text, digest string) (t tag, ok bool) {
	if name, commit, ok := n.Tags.Read(text); ok {
		t = tag{name: name, kind: commitKind, commit: commit}
	} else if name, ok := n.Tags.ReadLatest(text); ok {
		t = tag{name: name, kind: latestKind}
	} else if found := liveTag.FindStringSubmatch(text); found != nil {
		t.kind = liveKind
		t.name, t.side = reference.CutSide(found[1])
		if shield := digits.FindStringSubmatch(t.name); shield != nil && text == reference.ShieldTag(shield[1], digest, t.side) {
			t.name, t.kind = shield[1], shieldKind
		}
	}
	if t.name == reservedName || strings.HasPrefix(t.name, reservedName+"-") {
		return tag{}, false
	}
	return t, t.kind != ""
}

// commit reads a commit tag of one of the names; ok is false if it is another tag.
func (n Names) commit(text string) (t tag, ok bool) {
	t, ok = n.read(text, "")
	return t, ok && t.kind == commitKind && n.has(t.name)
}

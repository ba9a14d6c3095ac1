package retention

import (
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish"
)

// The kinds of tags that publish, deploy and retention set.
const (
	commitKind = "commit" // NAME-COMMIT
	latestKind = "latest" // NAME-latest
	liveKind   = "live"   // NAME-ACCOUNT-REGION-live
	shieldKind = "shield" // NAME-DIGITS-ACCOUNT-REGION-live, with digits of the image's digest
)

// tag is a tag that was read.
type tag struct {
	name, kind, commit string
	// side is that of a live tag; zero for one from before they had a side.
	side publish.Side
}

var (
	commitTag = regexp.MustCompile(`^([a-z0-9]+(?:-[a-z0-9]+)*)-([0-9a-f]{7,40})$`)
	otherTag  = regexp.MustCompile(`^([a-z0-9]+(?:-[a-z0-9]+)*)-(latest|live)$`)
	digits    = regexp.MustCompile(`^(.+)-([0-9a-f]{12})$`)
)

// reservedName is that of release records: see package history.
const reservedName = "release"

// read reads a tag; ok is false for one that nothing here sets. The digest is that of its
// image.
func read(text, digest string) (t tag, ok bool) {
	if found := commitTag.FindStringSubmatch(text); found != nil {
		t = tag{name: found[1], kind: commitKind, commit: found[2]}
	} else if found := otherTag.FindStringSubmatch(text); found != nil {
		t = tag{name: found[1], kind: found[2]}
		if t.kind == liveKind {
			t.name, t.side = publish.CutSide(t.name)
		}
		if shield := digits.FindStringSubmatch(t.name); shield != nil && text == publish.ShieldTag(shield[1], digest, t.side) {
			t.name, t.kind = shield[1], shieldKind
		}
	}
	if t.name == reservedName || strings.HasPrefix(t.name, reservedName+"-") {
		return tag{}, false
	}
	return t, t.kind != ""
}

// nameOf returns which of the names the commit tag is of; "" if of none.
func nameOf(text string, names []string) string {
	if t, ok := read(text, ""); ok && t.kind == commitKind && slices.Contains(names, t.name) {
		return t.name
	}
	return ""
}

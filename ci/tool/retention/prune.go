package retention

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/release"
)

// Image is an image in a repository.
type Image struct {
	Digest string    `json:"digest"`
	Tags   []string  `json:"tags,omitempty"`
	Pushed time.Time `json:"pushed"`
	Size   int64     `json:"size"` // in bytes
}

// Verdict is what becomes of an image, and why.
type Verdict struct {
	Image
	Delete bool   `json:"delete"`
	Why    string `json:"why"`
}

// Judge says what becomes of the images of a repository that has no lifecycle
// policies, with the meaning of [Policy]: of each name the last [Keep] are kept,
// and whatever is live, latest, or in use by digest. What carries a tag that is
// none of a commit's is not ours to delete.
func Judge(images []Image, names []string, inUse map[string]string, now time.Time) []Verdict {
	images = slices.Clone(images)
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), strings.Compare(a.Digest, b.Digest))
	})
	seen := map[string]int{} // images of each name so far, the youngest first
	verdicts := make([]Verdict, len(images))
	for i, image := range images {
		verdicts[i] = judge(image, names, inUse, now, seen)
	}
	return verdicts
}

// commitTag is what follows the name in a tag that a publish gave.
var commitTag = regexp.MustCompile(`^-[0-9a-f]{7,40}$`)

func judge(image Image, names []string, inUse map[string]string, now time.Time, seen map[string]int) Verdict {
	keep := func(why string) Verdict { return Verdict{image, false, why} }
	old := false
	name, foreign := "", ""
	for _, tag := range image.Tags {
		if strings.HasSuffix(tag, release.LatestSuffix) || strings.HasSuffix(tag, release.LiveSuffix) {
			continue
		}
		at := slices.IndexFunc(names, func(n string) bool {
			rest, ok := strings.CutPrefix(tag, n)
			return ok && commitTag.MatchString(rest)
		})
		if at < 0 {
			foreign = tag
			continue
		}
		name = names[at]
	}
	if name != "" {
		seen[name]++
		old = seen[name] > Keep
	}
	for _, tag := range image.Tags {
		if strings.HasSuffix(tag, release.LatestSuffix) || strings.HasSuffix(tag, release.LiveSuffix) {
			return keep("is " + tag)
		}
	}
	switch by, used := inUse[image.Digest]; {
	case used:
		return keep("runs as " + by)
	case foreign != "":
		return keep("has the tag " + foreign + ", which no publish gave")
	case name == "" && now.Sub(image.Pushed) < untaggedDays*24*time.Hour:
		return keep("has no tag, but was pushed within a day")
	case name == "":
		return Verdict{image, true, "has no tag"}
	case old:
		return Verdict{image, true, "is older than the last five of " + name}
	default:
		return keep("is among the last five of " + name)
	}
}

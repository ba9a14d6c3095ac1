package retention

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
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
// none of a commit's is not ours to delete. subjects names what is attached to an
// image, with the image: it goes when the image goes, as at ECR's private
// registries, and is not counted.
func Judge(images []Image, names []string, inUse, subjects map[string]string, now time.Time) []Verdict {
	subjects = withLists(images, subjects)
	// What somebody gave a tag of its own is an image like others.
	attached := func(i Image) bool {
		return subjects[i.Digest] != "" && inUse[i.Digest] == "" && (len(i.Tags) == 0 || isList(i))
	}
	verdicts := judgeImages(slices.DeleteFunc(slices.Clone(images), attached), names, inUse, now)
	kept, known := map[string]bool{}, map[string]bool{}
	for _, v := range verdicts {
		kept[v.Digest], known[v.Digest] = !v.Delete, true
	}
	documents := slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return !attached(i) })
	for _, i := range documents {
		known[i.Digest] = true
	}
	for _, i := range byAge(documents) {
		verdicts = append(verdicts, judgeAttached(i, subjects, kept, known, now))
	}
	return verdicts
}

// withLists adds to subjects the lists that clients keep, by their tags.
func withLists(images []Image, subjects map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, subjects)
	for _, i := range images {
		if subject, ok := listed(i); ok {
			all[i.Digest] = subject
		}
	}
	return all
}

// listed returns what the image lists the attachments of, if it is such a list.
func listed(i Image) (digest string, ok bool) {
	if len(i.Tags) != 1 {
		return "", false
	}
	return referrer.ListOf(i.Tags[0])
}

func isList(i Image) bool {
	_, ok := listed(i)
	return ok
}

// judgeAttached judges what is attached to an image, or to something that is itself
// attached, by what becomes of that.
func judgeAttached(i Image, subjects map[string]string, kept, known map[string]bool, now time.Time) Verdict {
	subject := subjects[i.Digest]
	for range subjects { // at most as deep as there are
		next, ok := subjects[subject]
		if !ok {
			break
		}
		subject = next
	}
	switch name := short(subject); {
	case kept[subject]:
		return Verdict{i, false, "is attached to " + name}
	case known[subject]:
		return Verdict{i, true, "is attached to " + name + ", which goes"}
	case now.Sub(i.Pushed) < untaggedDays*24*time.Hour:
		return Verdict{i, false, "is attached to " + name + ", which is not there, but was pushed within a day"}
	default:
		return Verdict{i, true, "is attached to " + name + ", which is not there"}
	}
}

func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

func byAge(images []Image) []Image {
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), strings.Compare(a.Digest, b.Digest))
	})
	return images
}

func judgeImages(images []Image, names []string, inUse map[string]string, now time.Time) []Verdict {
	seen := map[string]int{} // images of each name so far, the youngest first
	verdicts := make([]Verdict, len(images))
	for i, image := range byAge(images) {
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
		if strings.HasSuffix(tag, publish.LatestSuffix) || strings.HasSuffix(tag, publish.LiveSuffix) {
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
		if strings.HasSuffix(tag, publish.LatestSuffix) || strings.HasSuffix(tag, publish.LiveSuffix) {
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

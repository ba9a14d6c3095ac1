package retention

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
)

// Image is an image in a repository.
type Image = ecrapi.Image

// Verdict says whether an image is deleted, and why.
type Verdict struct {
	Image
	Delete bool   `json:"delete"`
	Why    string `json:"why"`
}

// Judge decides which images of a public repository are deleted. It follows the rules of
// [Policy], because ECR Public has no lifecycle policies: it keeps the last [Keep] images
// of each name, and every image that is live, latest, or in use by digest. It never
// deletes an image with a tag that publish did not set. subjects has the documents that
// are attached to images, each with its image: a document is deleted with its image, as
// ECR does in private repositories, and does not count as an image.
func Judge(images []Image, names []string, inUse, subjects map[string]string, now time.Time) []Verdict {
	subjects = withLists(images, subjects)
	// A document to which somebody gave a tag is judged as an image.
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

// judgeTagged is [Judge] for the images of some names in a private repository. The
// lifecycle policy decides about all other images, and about what has no tag.
func judgeTagged(images []Image, names []string, inUse map[string]string, now time.Time) []Verdict {
	return judgeImages(slices.DeleteFunc(slices.Clone(images), func(i Image) bool {
		return !slices.ContainsFunc(i.Tags, func(tag string) bool { return nameOf(tag, names) != "" })
	}), names, inUse, now)
}

// withLists adds to subjects the tags in which clients list what is attached to an image.
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

// listed returns the image whose attachments i lists, if i is such a list.
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

// judgeAttached judges a document by its image. A document can also be attached to
// another document.
func judgeAttached(i Image, subjects map[string]string, kept, known map[string]bool, now time.Time) Verdict {
	subject := subjects[i.Digest]
	for range subjects { // ends if documents are attached to each other in a circle
		next, ok := subjects[subject]
		if !ok {
			break
		}
		subject = next
	}
	switch name := report.Digest(subject); {
	case kept[subject]:
		return Verdict{i, false, "is attached to " + name}
	case known[subject]:
		return Verdict{i, true, "is attached to " + name + ", which is deleted"}
	case now.Sub(i.Pushed) < untaggedDays*24*time.Hour:
		return Verdict{i, false, "is attached to " + name + ", which does not exist, but was pushed within a day"}
	default:
		return Verdict{i, true, "is attached to " + name + ", which does not exist"}
	}
}

func byAge(images []Image) []Image {
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), strings.Compare(a.Digest, b.Digest))
	})
	return images
}

func judgeImages(images []Image, names []string, inUse map[string]string, now time.Time) []Verdict {
	seen := map[string]int{} // how many images of each name so far, the newest first
	verdicts := make([]Verdict, len(images))
	for i, image := range byAge(images) {
		verdicts[i] = judge(image, names, inUse, now, seen)
	}
	return verdicts
}

// commitTag matches the part of a commit tag that follows the name.
var commitTag = regexp.MustCompile(`^-[0-9a-f]{7,40}$`)

// nameOf returns which of the names the commit tag is of; "" if of none.
func nameOf(tag string, names []string) string {
	at := max(0, strings.LastIndex(tag, "-"))
	if name := tag[:at]; commitTag.MatchString(tag[at:]) && slices.Contains(names, name) {
		return name
	}
	return ""
}

func judge(image Image, names []string, inUse map[string]string, now time.Time, seen map[string]int) Verdict {
	keep := func(why string) Verdict { return Verdict{image, false, why} }
	name, foreign, shield := "", "", ""
	for _, tag := range image.Tags {
		if strings.HasSuffix(tag, publish.LatestSuffix) || strings.HasSuffix(tag, publish.LiveSuffix) {
			shield = cmp.Or(shield, tag)
			continue
		}
		if of := nameOf(tag, names); of != "" {
			name = of
		} else {
			foreign = tag
		}
	}
	if name != "" {
		seen[name]++
	}
	switch by, used := inUse[image.Digest]; {
	case shield != "":
		return keep("is " + shield)
	case used:
		return keep("runs as " + by)
	case foreign != "":
		return keep("has the tag " + foreign + ", which publish did not set")
	case name == "" && now.Sub(image.Pushed) < untaggedDays*24*time.Hour:
		return keep("has no tag, but was pushed within a day")
	case name == "":
		return Verdict{image, true, "has no tag"}
	case seen[name] > Keep:
		return Verdict{image, true, "is older than the last five of " + name}
	default:
		return keep("is among the last five of " + name)
	}
}

package retention

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
)

// Image is an image in a repository.
type Image = ecrapi.Image

// Verdict says whether an image is deleted, and why.
type Verdict struct {
	Image
	// Platform is what the image is for; "" for a document, or if nobody asked.
	Platform string `json:"platform,omitempty"`
	Delete   bool   `json:"delete"`
	Why      string `json:"why"`
	// Untag are tags to remove from an image that stays: those of a removed name.
	Untag []string `json:"untag,omitempty"`
}

// rules say which images of a repository stay.
type rules struct {
	names Names
	// ruled are the names about which a lifecycle policy decides.
	ruled []string
	// expire are other names, of which all images are deleted that no function runs.
	expire map[string]bool
	// inUse has the function that runs each digest.
	inUse map[string]string
	now   time.Time
	// keep is how many images of each name are kept.
	keep int
}

// Judge decides which images of a public repository are deleted. It follows the rules of
// [Policy], because ECR Public has no lifecycle policies: it keeps the last [Keep] images
// of each name, and every image that is live, latest, or in use by digest. It never
// deletes an image with a tag that publish did not set. subjects has the documents that
// are attached to images, each with its image: a document is deleted with its image, as
// ECR does in private repositories, and does not count as an image.
func Judge(images []Image, names Names, inUse, subjects map[string]string, now time.Time) []Verdict {
	return rules{names: names, inUse: inUse, now: now, keep: Keep}.judge(images, subjects)
}

func (r rules) judge(images []Image, subjects map[string]string) []Verdict {
	subjects = withLists(images, subjects)
	// A document to which somebody gave a tag is judged as an image.
	attached := func(i Image) bool {
		return subjects[i.Digest] != "" && r.inUse[i.Digest] == "" && (len(i.Tags) == 0 || isList(i))
	}
	verdicts := r.judgeImages(slices.DeleteFunc(slices.Clone(images), attached))
	kept, known := map[string]bool{}, map[string]bool{}
	for _, v := range verdicts {
		kept[v.Digest], known[v.Digest] = !v.Delete, true
	}
	documents := slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return !attached(i) })
	for _, i := range documents {
		known[i.Digest] = true
	}
	for _, i := range byAge(documents) {
		verdicts = append(verdicts, judgeAttached(i, subjects, kept, known, r.now))
	}
	return verdicts
}

// judgeTagged judges the images of a private repository about which no lifecycle policy
// decides: those of names without a rule, and of names to expire.
func (r rules) judgeTagged(images []Image) []Verdict {
	return r.judgeImages(slices.DeleteFunc(slices.Clone(images), func(i Image) bool {
		return !slices.ContainsFunc(i.Tags, func(text string) bool {
			t, ok := r.names.read(text, i.Digest)
			return ok && (r.expire[t.name] || t.kind == commitKind && r.names.has(t.name) && !slices.Contains(r.ruled, t.name))
		})
	}))
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
		return Verdict{Image: i, Why: "is attached to " + name}
	case known[subject]:
		return Verdict{Image: i, Delete: true, Why: "is attached to " + name + ", which is deleted"}
	case now.Sub(i.Pushed) < untaggedDays*24*time.Hour:
		return Verdict{Image: i, Why: "is attached to " + name + ", which does not exist, but was pushed within a day"}
	default:
		return Verdict{Image: i, Delete: true, Why: "is attached to " + name + ", which does not exist"}
	}
}

func byAge(images []Image) []Image {
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), strings.Compare(a.Digest, b.Digest))
	})
	return images
}

func (r rules) judgeImages(images []Image) []Verdict {
	seen := map[string]int{} // how many images of each name so far, the newest first
	verdicts := make([]Verdict, len(images))
	for i, image := range byAge(images) {
		verdicts[i] = r.judgeImage(image, seen)
	}
	return verdicts
}

func (r rules) judgeImage(image Image, seen map[string]int) Verdict {
	keep := func(why string) Verdict { return Verdict{Image: image, Why: why} }
	name, removed, foreign, shield := "", "", "", ""
	var expired []string
	for _, text := range image.Tags {
		t, ok := r.names.read(text, image.Digest)
		switch {
		case ok && r.expire[t.name]:
			expired = append(expired, text)
			removed = t.name
		case strings.HasSuffix(text, r.names.Tags.LatestEnd()), strings.HasSuffix(text, reference.LiveSuffix):
			shield = cmp.Or(shield, text)
		case ok && r.names.has(t.name):
			name = t.name
		case ok:
			foreign = cmp.Or(foreign, "is of "+t.name+", which is not in the catalog")
		default:
			foreign = "has the tag " + text + ", which publish did not set"
		}
	}
	if name != "" {
		seen[name]++
	}
	by, used := r.inUse[image.Digest]
	if used {
		expired = nil
	}
	verdict := Verdict{Image: image}
	switch {
	case shield != "":
		verdict.Why = "is " + shield
	case used:
		return keep("runs as " + by)
	case foreign != "":
		verdict.Why = foreign
	case name == "" && removed != "":
		return Verdict{Image: image, Delete: true, Why: "is of " + removed + ", which is not in the catalog"}
	case name == "" && r.now.Sub(image.Pushed) < untaggedDays*24*time.Hour:
		return keep("has no tag, but was pushed within a day")
	case name == "":
		return Verdict{Image: image, Delete: true, Why: "has no tag"}
	case slices.Contains(r.ruled, name):
		verdict.Why = "the lifecycle policy decides about " + name
	case seen[name] > r.keep:
		return Verdict{Image: image, Delete: true, Why: fmt.Sprintf("is older than the last %d of %s", r.keep, name)}
	default:
		verdict.Why = fmt.Sprintf("is among the last %d of %s", r.keep, name)
	}
	verdict.Untag = expired
	return verdict
}

package retention

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

// The tags of one image. Every commit gives an image that did not change one more tag, and
// one more document. No lifecycle policy removes tags: they count images.
const (
	// MaxTags is how many tags an image has at most.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
	MaxTags = 1000
	// Crowded is from how many tags on publish makes room before it sets one more.
	Crowded = 800
	// manyTags is from how many on retention warns, if it could not make room.
	manyTags = 900
	// recent is how many commits keep all their tags, those that were published last.
	recent = 100
	// most is how many commits keep their tags in addition, because an image that is kept
	// was published with them last.
	most = 400
)

// Document is attached to an image. Commit is empty if the image has one such document for
// all commits.
type Document struct{ Digest, Subject, Commit string }

// Surplus is what an image that stays has too many of.
type Surplus struct {
	Digest    string   `json:"digest"`
	Tags      []string `json:"tags,omitempty"`
	Documents []string `json:"documents,omitempty"`
}

// crowded tells whether an image of the names has more commit tags than [recent].
func crowded(i Image, names Names) bool {
	if len(i.Tags) <= recent {
		return false
	}
	count := 0
	for _, tag := range i.Tags {
		if _, ok := names.commit(tag); ok {
			count++
		}
	}
	return count > recent
}

// surplus returns the commit tags, and the documents of these commits, that nothing needs.
// It looks only at images with more commit tags than [recent], and leaves them at least one.
// Needed are the commits of release records, the [recent] ones that were published last, and
// that with which each image was published last, so that what is kept can be deployed.
//
// When a commit was published is known from its document. Without one it may be of long ago,
// or of a publish that is running: an image keeps [recent] of these too, the last of the list.
func surplus(images []Image, names Names, documents []Document, records []string) []Surplus {
	order := newOrder(images, names, documents)
	needed := map[string]bool{}
	for _, commit := range order.commits[:min(recent, len(order.commits))] {
		needed[commit] = true
	}
	limit := len(needed) + most
	for _, i := range byAge(slices.Clone(images)) {
		if tags := order.tags(i, names); len(tags) > 0 && len(needed) < limit {
			needed[tags[0].commit] = true
		}
	}
	for _, commit := range order.commits {
		if slices.ContainsFunc(records, func(r string) bool { return strings.HasPrefix(r, commit) || strings.HasPrefix(commit, r) }) {
			needed[commit] = true
		}
	}
	var all []Surplus
	for _, i := range images {
		if !crowded(i, names) {
			continue
		}
		s := Surplus{Digest: i.Digest}
		undated := 0
		for n, t := range order.tags(i, names) {
			if !order.dated[t.commit] {
				undated++
			}
			if n > 0 && !needed[t.commit] && (order.dated[t.commit] || undated > recent) {
				s.Tags = append(s.Tags, names.Tags.OfCommit(t.name, t.commit))
			}
		}
		for _, d := range documents {
			if d.Subject == i.Digest && d.Commit != "" && !needed[d.Commit] {
				s.Documents = append(s.Documents, d.Digest)
			}
		}
		if len(s.Tags)+len(s.Documents) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// order says in which order commits were published.
type order struct {
	at    map[string]time.Time
	dated map[string]bool // by a document
	// commits are all commits, the last one first.
	commits []string
}

func newOrder(images []Image, names Names, documents []Document) order {
	o := order{at: map[string]time.Time{}, dated: map[string]bool{}}
	pushed := map[string]time.Time{}
	later := func(commit string, at time.Time) {
		if at.After(o.at[commit]) || o.at[commit].IsZero() {
			o.at[commit] = at
		}
	}
	for _, i := range images {
		pushed[i.Digest] = i.Pushed
		for _, text := range i.Tags {
			if t, ok := names.commit(text); ok {
				later(t.commit, i.Pushed) // at the earliest
			}
		}
	}
	for _, d := range documents {
		if at, ok := pushed[d.Digest]; ok && d.Commit != "" {
			later(d.Commit, at)
			o.dated[d.Commit] = true
		}
	}
	o.commits = slices.SortedFunc(maps.Keys(o.at), func(a, b string) int {
		return cmp.Or(o.at[b].Compare(o.at[a]), strings.Compare(a, b))
	})
	return o
}

// tags returns the commit tags of an image, that of the last commit first. Among commits of
// the same time, the last of the image's list is first.
func (o order) tags(i Image, names Names) []tag {
	var all []tag
	for _, text := range slices.Backward(i.Tags) {
		if t, ok := names.commit(text); ok {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b tag) int { return o.at[b.commit].Compare(o.at[a.commit]) })
	return all
}

// without returns the images as they are without the surplus tags.
func without(images []Image, all []Surplus) []Image {
	gone := map[string][]string{}
	for _, s := range all {
		gone[s.Digest] = s.Tags
	}
	left := slices.Clone(images)
	for n, i := range left {
		if tags := gone[i.Digest]; len(tags) > 0 {
			left[n].Tags = slices.DeleteFunc(slices.Clone(i.Tags), func(t string) bool { return slices.Contains(tags, t) })
		}
	}
	return left
}

// warnings names the images that soon have too many tags. api is the name of the API in
// the command line of AWS.
func warnings(api, repository string, images []Image) (all []string) {
	for _, i := range images {
		if n := len(i.Tags); n >= manyTags {
			all = append(all, fmt.Sprintf("%s: %s has %d tags, such as %s; AWS accepts %d, and then a publish of it fails; %s",
				repository, report.Digest(i.Digest), n, i.Tags[0], MaxTags, untag(api, repository)))
		}
	}
	return all
}

// unreachable names the archived images that functions run: Lambda cannot pull them again.
func unreachable(repository string, archived []Image, inUse map[string]string) (all []string) {
	for _, i := range archived {
		if by := inUse[i.Digest]; by != "" {
			all = append(all, fmt.Sprintf("%s: %s runs %s, which is archived (%s), so Lambda cannot pull it again; restore it: aws ecr update-image-storage-class --repository-name %[1]s --image-id imageDigest=%[5]s --target-storage-class STANDARD",
				repository, by, report.Digest(i.Digest), i.Status, i.Digest))
		}
	}
	return all
}

// untag says how to remove a tag.
func untag(api, repository string) string {
	return fmt.Sprintf("remove tags that nobody needs: aws %s batch-delete-image --repository-name %s --image-ids imageTag=TAG", api, repository)
}

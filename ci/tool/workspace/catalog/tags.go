package catalog

import (
	"cmp"
	"regexp"
	"strings"
)

// Tags are the patterns of the tags of an image. The zero value has the default ones.
type Tags struct {
	Commit string `json:"commit,omitempty" jsonschema:"of an image that was published under a commit. Default: {name}-{commit}"`
	Latest string `json:"latest,omitempty" jsonschema:"of the image of a name that was published last. Default: {name}-latest"`
}

// The patterns of tags. What stands between a name and a commit ends with a character that no
// commit has, and what follows the name in a latest tag begins with one, so that a tag is read in
// one way only. All begin with the name, because a lifecycle policy selects tags by their
// beginning. With the longest name and commit they have the 128 characters that ECR accepts.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html
var (
	commitPattern = regexp.MustCompile(`^\{name\}([._-](?:[a-z0-9._-]{0,6}[._-])?)\{commit\}$`)
	latestPattern = regexp.MustCompile(`^\{name\}([._-][a-z0-9._-]{0,40}[a-z0-9])$`)
	commitName    = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
)

// liveEnd is that of the tags of what functions run: see package publish.
const liveEnd = "-live"

// IsCommit tells whether a tag can name a commit so: 7 to 40 hexadecimal digits.
func IsCommit(name string) bool { return commitName.MatchString(name) }

// between is what stands between the name and the commit.
func (t Tags) between() string {
	return commitPattern.FindStringSubmatch(cmp.Or(t.Commit, defaults().Tags.Commit))[1]
}

// LatestEnd is what follows the name in the latest tags, such as -latest.
func (t Tags) LatestEnd() string {
	return latestPattern.FindStringSubmatch(cmp.Or(t.Latest, defaults().Tags.Latest))[1]
}

// OfCommit is the tag of the image with the name, and a commit. With an empty commit it is the beginning
// of all these tags.
func (t Tags) OfCommit(name, commit string) string { return name + t.between() + commit }

// OfLatest is the tag of the image with the name that was published last.
func (t Tags) OfLatest(name string) string { return name + t.LatestEnd() }

// Read returns the name and the commit of a commit tag; ok is false if it is another one.
func (t Tags) Read(tag string) (name, commit string, ok bool) {
	name, commit = tag, ""
	if end := strings.LastIndexAny(tag, "._-"); end >= 0 {
		name, commit = tag[:end+1], tag[end+1:]
	}
	name, ok = strings.CutSuffix(name, t.between())
	return name, commit, ok && imageName.MatchString(name) && IsCommit(commit)
}

// ReadLatest returns the name of a latest tag; ok is false if it is another one.
func (t Tags) ReadLatest(tag string) (name string, ok bool) {
	name, ok = strings.CutSuffix(tag, t.LatestEnd())
	return name, ok && imageName.MatchString(name)
}

// check returns what is wrong with the patterns.
func (t Tags) check(bad func(field, format string, args ...any)) {
	if !commitPattern.MatchString(t.Commit) {
		bad("tags.commit", `%q is not a pattern; write {name}, then at most 8 characters of a-z, 0-9, . _ and - that begin and end with . _ or -, then {commit}, such as "{name}-{commit}"`, t.Commit)
		return
	}
	if !latestPattern.MatchString(t.Latest) {
		bad("tags.latest", `%q is not a pattern; write {name}, then at most 42 characters of a-z, 0-9, . _ and - that begin with . _ or -, such as "{name}-latest"`, t.Latest)
		return
	}
	if _, _, ok := t.Read(t.OfLatest("x")); ok || strings.HasSuffix(t.Latest, liveEnd) {
		bad("tags.latest", `%q has the form of another tag; write another text after {name}, such as "{name}-latest"`, t.Latest)
	}
}

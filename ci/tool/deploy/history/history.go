// Package history keeps the release records: which images each deploy or rollback put on
// the functions. A record is a small OCI artifact in the private repositories, beside the
// images, so that every machine can read it.
package history

import (
	"slices"
	"strings"
	"time"
)

// Kind says whether a release is a deploy or a rollback.
type Kind string

// The kinds.
const (
	Deploy   Kind = "deploy"
	Rollback Kind = "rollback"
)

// Release is one release that succeeded.
type Release struct {
	// Commit is the commit whose images the functions run.
	Commit string `json:"commit"`
	Kind   Kind   `json:"kind"`
	// Time is when the release ended, in UTC.
	Time time.Time `json:"time"`
	// Who made the release: the ARN of the caller.
	Who string `json:"who"`
	// Account and Region are those of the functions. Records from before they were written
	// have none: see [Release.Side].
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	// Alias is the alias that was moved, if any.
	Alias     string     `json:"alias,omitempty"`
	Functions []Function `json:"functions"`
}

// Function is one function of a release.
type Function struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Repository is the private repository, with its registry.
	Repository string `json:"repository"`
	// Before and After are the digests that it ran before and after the release. They are
	// equal if the release did not update it.
	Before string `json:"before"`
	After  string `json:"after"`
	// Platform is what both are for. Records from before it was written have none.
	Platform string `json:"platform,omitempty"`
	// Commit is the commit that After was deployed from: an earlier one if the release did
	// not include the function.
	Commit string `json:"commit"`
	// Version is the version that the alias names since the release.
	Version string `json:"version,omitempty"`
}

// Function returns the function of the image.
func (r Release) Function(image string) (Function, bool) {
	n := slices.IndexFunc(r.Functions, func(f Function) bool { return f.Image == image })
	if n < 0 {
		return Function{}, false
	}
	return r.Functions[n], true
}

// same tells whether after both releases the functions run the same images.
func (r Release) same(other Release) bool {
	return r.Commit == other.Commit && r.Alias == other.Alias && slices.EqualFunc(r.Functions, other.Functions, func(a, b Function) bool {
		return a.Image == b.Image && a.After == b.After && a.Version == b.Version
	})
}

// Releases are the releases, oldest first.
type Releases []Release

// CommitOf returns the commit with which the function of the image was updated to the
// digest that it runs, and the time of that release.
func (h Releases) CommitOf(image, digest string) (commit string, since time.Time, ok bool) {
	for _, r := range slices.Backward(h) {
		f, is := r.Function(image)
		switch {
		case is && f.After == digest:
			if !ok {
				commit, ok = f.Commit, true
			}
			if since = r.Time; f.Before != digest {
				return commit, since, true
			}
		case is && ok:
			return commit, since, true
		}
	}
	return commit, since, ok
}

// complete adds the functions that are not part of the release, as they are in the last
// record, so that each record says what all functions run.
func (h Releases) complete(r *Release) {
	for n := range r.Functions {
		if r.Functions[n].Commit == "" {
			r.Functions[n].Commit = r.Commit
		}
	}
	if len(h) == 0 {
		return
	}
	for _, f := range h[len(h)-1].Functions {
		if _, ok := r.Function(f.Image); !ok {
			f.Before = f.After
			r.Functions = append(r.Functions, f)
		}
	}
	slices.SortFunc(r.Functions, func(a, b Function) int { return strings.Compare(a.Image, b.Image) })
}

// Find returns the last release of the commit. The commit may have fewer or more digits
// than in the record.
func (h Releases) Find(commit string) (Release, bool) {
	for _, r := range slices.Backward(h) {
		if strings.HasPrefix(r.Commit, commit) || strings.HasPrefix(commit, r.Commit) {
			return r, true
		}
	}
	return Release{}, false
}

// Previous returns the release before the current one. A rollback removes all releases
// after its commit, so that another rollback goes further back, not forward again.
func (h Releases) Previous() (Release, bool) {
	var stack []Release
	for _, r := range h {
		if r.Kind == Rollback {
			n := slices.IndexFunc(stack, func(s Release) bool { return s.Commit == r.Commit })
			if n >= 0 {
				stack = stack[:n]
			}
		}
		if n := len(stack); n > 0 && stack[n-1].Commit == r.Commit {
			stack = stack[:n-1]
		}
		stack = append(stack, r)
	}
	if len(stack) < 2 {
		return Release{}, false
	}
	return stack[len(stack)-2], true
}

// Commits returns the commits that were released, each once, the last one first.
func (h Releases) Commits() []string {
	var commits []string
	for _, r := range slices.Backward(h) {
		if !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	return commits
}

// Package history keeps what was released: one small OCI artifact per release,
// beside the images in the private repositories, where the next machine finds it.
package history

import (
	"slices"
	"strings"
	"time"
)

// Kind says how a release came about.
type Kind string

// The kinds.
const (
	Deploy   Kind = "deploy"
	Rollback Kind = "rollback"
)

// Release is one release that succeeded.
type Release struct {
	// Commit is the one whose images run.
	Commit string `json:"commit"`
	Kind   Kind   `json:"kind"`
	// Time is when it had succeeded, in UTC.
	Time time.Time `json:"time"`
	// Who made it: the ARN of the caller.
	Who string `json:"who"`
	// Alias that was moved, if any.
	Alias     string     `json:"alias,omitempty"`
	Functions []Function `json:"functions"`
}

// Function is one function of a release.
type Function struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Repository is the private one, with its registry.
	Repository string `json:"repository"`
	// Before and After are the digests that it ran; they are equal where nothing
	// was to be done.
	Before string `json:"before"`
	After  string `json:"after"`
	// Commit is the one that After was deployed from: an earlier one for a function
	// that the release left out.
	Commit string `json:"commit"`
	// Version is what the alias names since.
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

// same tells whether two releases leave the same functions with the same images.
func (r Release) same(other Release) bool {
	return r.Commit == other.Commit && r.Alias == other.Alias && slices.EqualFunc(r.Functions, other.Functions, func(a, b Function) bool {
		return a.Image == b.Image && a.After == b.After && a.Version == b.Version
	})
}

// Releases is all releases, oldest first.
type Releases []Release

// CommitOf returns the commit by which the function of the image came to run the
// digest, and when that was.
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

// complete adds to the release the functions that it left out, as the last release
// knew them, so that each record says what all functions run.
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

// Find returns the last release of the commit; a commit may be given by the digits
// that it begins with, or with more of them than its name in the record.
func (h Releases) Find(commit string) (Release, bool) {
	for _, r := range slices.Backward(h) {
		if strings.HasPrefix(r.Commit, commit) || strings.HasPrefix(commit, r.Commit) {
			return r, true
		}
	}
	return Release{}, false
}

// Previous returns the release before the one that is in force. A rollback takes
// back all that came after its commit, so that rolling back again goes further
// back and not forth.
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

// Commits names the commits that were released, the last first, each once.
func (h Releases) Commits() []string {
	var commits []string
	for _, r := range slices.Backward(h) {
		if !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	return commits
}

package osv

import (
	"cmp"
	"slices"
)

// Verdict says whether a version of ffmpeg has a vulnerability.
type Verdict int

// The verdicts. A later one outweighs those before it.
const (
	Unaffected Verdict = iota
	Unknown            // the record does not say enough
	Affected
)

// Judgement is what a record says about a version.
type Judgement struct {
	Verdict Verdict
	// Fixed is the first later version without the vulnerability; empty if the record
	// names none.
	Fixed string
	// Why says why the verdict is Unknown.
	Why string
}

// Judge says whether the version, from [ParseVersion], has the vulnerability.
func (r Record) Judge(v Version) Judgement {
	worst := Judgement{}
	for _, a := range r.Affected {
		if !a.isFFmpeg() {
			continue
		}
		if j := a.judge(v); j.Verdict > worst.Verdict {
			worst = j
		}
	}
	return worst
}

func (a affected) judge(v Version) Judgement {
	listed := slices.ContainsFunc(a.Versions, func(text string) bool {
		other, ok := ParseVersion(text)
		return ok && other.Compare(v) == 0
	})
	in, known, open, fixed := listed, len(a.Versions) > 0, false, ""
	for _, r := range a.Ranges {
		events := r.Events
		if r.Type == "GIT" {
			if !r.isFFmpeg() {
				continue
			}
			events = r.Specific.Extracted
			if len(events) == 0 {
				events = r.Specific.Versions
			}
			if len(events) == 0 {
				// The commits do not say where a version is. The list of versions does, up
				// to the day on which it was made.
				open = open || !slices.ContainsFunc(r.Events, event.ends)
				continue
			}
		}
		affected, first, ok := within(events, v)
		if !ok {
			return Judgement{Verdict: Unknown, Why: "names versions that cannot be compared"}
		}
		known, in = true, in || affected
		if affected || listed {
			fixed = earlier(fixed, first)
		}
	}
	switch {
	case in:
		return Judgement{Verdict: Affected, Fixed: fixed}
	case !known:
		return Judgement{Verdict: Unknown, Why: "names commits, not versions"}
	case open && a.newest().Compare(v) < 0:
		return Judgement{Verdict: Unknown, Why: "names no fix, and its list of versions is older"}
	default:
		return Judgement{}
	}
}

// newest is the highest version in the list.
func (a affected) newest() (newest Version) {
	for _, text := range a.Versions {
		if v, ok := ParseVersion(text); ok && v.Compare(newest) > 0 {
			newest = v
		}
	}
	return newest
}

// ends tells whether a range ends with the event.
func (e event) ends() bool { return e.Fixed != "" || e.LastAffected != "" || e.Limit != "" }

// within tells whether the version is in the range, and the first version after it that
// is fixed. ok is false if the range cannot be compared.
// https://ossf.github.io/osv-schema/#evaluation
func within(events []event, v Version) (in bool, fixed string, ok bool) {
	type at struct {
		event
		version Version
	}
	var ordered []at
	for _, e := range events {
		version, ok := ParseVersion(cmp.Or(e.Introduced, e.Fixed, e.LastAffected, e.Limit))
		if !ok {
			return false, "", false
		}
		ordered = append(ordered, at{e, version})
	}
	slices.SortStableFunc(ordered, func(a, b at) int { return a.version.Compare(b.version) })
	for _, e := range ordered {
		c := v.Compare(e.version)
		switch {
		case e.Introduced != "":
			in = in || c >= 0
		case e.LastAffected != "":
			in = in && c <= 0
		default: // fixed, or the limit
			in = in && c < 0
		}
		if e.Fixed != "" && c < 0 {
			fixed = earlier(fixed, e.Fixed)
		}
	}
	return in, fixed, len(ordered) > 0
}

// earlier returns the earlier of two versions; an empty one is none.
func earlier(a, b string) string {
	va, okA := ParseVersion(a)
	vb, okB := ParseVersion(b)
	if !okA || okB && vb.Compare(va) < 0 {
		return b
	}
	return a
}

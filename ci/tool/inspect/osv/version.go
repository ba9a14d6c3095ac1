package osv

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// Version is a release of ffmpeg, as the numbers between its dots.
type Version []int

// release matches 9.0.2, n9.0.2 and 9.0.2-1. Versions such as 9.1-dev and 9.0-rc1 are
// none: what they have of the next release is not known.
var release = regexp.MustCompile(`^[nv]?([0-9]{1,9}(?:\.[0-9]{1,9})*)(?:-[0-9]+)?$`)

// ParseVersion reads a release; ok is false if the text is none.
func ParseVersion(text string) (v Version, ok bool) {
	m := release.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	for part := range strings.SplitSeq(m[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		v = append(v, n)
	}
	return v, true
}

// Compare orders versions. A number that is missing is 0: 9.0 is 9.0.0.
func (v Version) Compare(other Version) int {
	for n := range max(len(v), len(other)) {
		if c := cmp.Compare(v.at(n), other.at(n)); c != 0 {
			return c
		}
	}
	return 0
}

func (v Version) at(n int) int {
	if n < len(v) {
		return v[n]
	}
	return 0
}

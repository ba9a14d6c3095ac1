package report

import (
	"cmp"
	"slices"
)

// Unknown is the platform of an image of which nobody says it.
const Unknown = "unknown"

// For adds to a table with digests for which platform the image of each row is; "" for a row
// without one. Images for several platforms have it in a column, FOR. Where all are for the same,
// it is in words, for the line below the table: " for linux/amd64".
func For(header []string, rows [][]string, platforms []string) (withFor []string, rowsFor [][]string, words string) {
	all := slices.DeleteFunc(slices.Clone(platforms), func(p string) bool { return p == "" })
	slices.Sort(all)
	switch all = slices.Compact(all); len(all) {
	case 0:
		return header, rows, ""
	case 1:
		return header, rows, " for " + platform(all[0])
	}
	for n, row := range rows {
		rowsFor = append(rowsFor, append(slices.Clip(row), platforms[n]))
	}
	return append(slices.Clip(header), "FOR"), rowsFor, ""
}

// platform is how words name a platform.
func platform(name string) string {
	if name == Unknown {
		return "an unknown platform"
	}
	return name
}

// DigestFor is [Digest] of an image that is for another platform than those beside it.
func DigestFor(digest, of string) string {
	return Digest(digest) + " for " + platform(cmp.Or(of, Unknown))
}

// OtherPlatform tells whether two images are known to be for different platforms.
func OtherPlatform(a, b string) bool {
	known := func(p string) bool { return p != "" && p != Unknown }
	return a != b && known(a) && known(b)
}

package layer

import "testing"

// SetCompressor sets the version of the compressor for a test.
func SetCompressor(t testing.TB, version string) {
	before := compressor
	t.Cleanup(func() { compressor = before })
	compressor = func() string { return version }
}

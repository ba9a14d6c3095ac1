package layer

import "testing"

// SetCompressor makes the version of the compressor another one for a test.
func SetCompressor(t testing.TB, version string) {
	before := compressor
	t.Cleanup(func() { compressor = before })
	compressor = func() string { return version }
}

package sizediff

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersionsOfModulesThatAreReplaced(t *testing.T) {
	replaced := func(path, version string) *debug.Module {
		return &debug.Module{Path: "example.test/words", Version: "v1.0.0", Replace: &debug.Module{Path: path, Version: version}}
	}
	for want, m := range map[string]*debug.Module{
		"v1.0.0":                   {Path: "example.test/words", Version: "v1.0.0"},
		"v1.2.0":                   replaced("example.test/words", "v1.2.0"),
		"example.test/fork@v0.1.0": replaced("example.test/fork", "v0.1.0"),
		"(devel)":                  replaced("../words", "(devel)"),
	} {
		assert.Equal(t, want, version(m))
	}
	assert.Equal(t, "(devel)", version(replaced("../words", "")))
}

package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// On a file system that folds case, two names that differ in nothing else are one file.
func TestNamesThatDifferInCaseOnly(t *testing.T) {
	problems := conflicts([]Function{{Folder: "cmd/api", Image: "a", Lambda: "A"}, {Folder: "cmd/Api", Image: "b", Lambda: "B"}})
	if assert.Len(t, problems, 1) {
		assert.EqualError(t, problems[0], "cmd/Api: differs from cmd/api in upper and lower case only, which is one folder on macOS and Windows; rename one of them")
	}
	functions := []Function{{Folder: "one/api", Image: "a", Program: "api"}, {Folder: "two/Api", Image: "b", Program: "Api"}, {Folder: "three", Image: "c", Program: "c"}}
	separate(functions)
	assert.Equal(t, []string{"api", "of-b/Api", "c"}, []string{functions[0].Program, functions[1].Program, functions[2].Program})
}

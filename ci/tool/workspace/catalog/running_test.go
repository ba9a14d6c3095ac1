package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRunning(t *testing.T) {
	all := Running([]Function{{Image: "a", Lambda: "A", Options: Options{Lambdas: []string{"B"}}}, {Image: "c", Lambda: "C"}})
	var names []string
	for _, f := range all {
		names = append(names, f.Image+" "+f.Lambda)
		assert.Empty(t, f.Lambdas)
	}
	assert.Equal(t, []string{"a A", "a B", "c C"}, names)
}

func TestLambdasConflict(t *testing.T) {
	problems := conflicts([]Function{{Folder: "x", Image: "a", Lambda: "A", Options: Options{Lambdas: []string{"B"}}}, {Folder: "y", Image: "a-b", Lambda: "C", Options: Options{Lambdas: []string{"B", "C"}}}})
	if assert.Len(t, problems, 2) {
		assert.EqualError(t, problems[0], `y/image.json: lambdas[0]: "B" is already the function of x`)
		assert.EqualError(t, problems[1], `y/image.json: lambdas[1]: "C" is already the function of y`)
	}
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each function takes the source itself, so that an edit does not run New again. Go has no
// way to write its defaults once: they must be the same everywhere, or one function would
// build what another does not see.
func TestEveryFunctionTakesTheSameSource(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`(?m)((?:^\t//.*\n)+)^\tsource \*dagger\.Directory,$`)
	said := map[string][]string{} // files, by what they say of the source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range parameter.FindAllStringSubmatch(string(text), -1) {
			said[found[1]] = append(said[found[1]], file)
		}
		if count := strings.Count(string(text), "\n\tsource *dagger.Directory,"); count != len(parameter.FindAllString(string(text), -1)) {
			t.Errorf("%s: a source has no defaults", file)
		}
		if file == "main.go" && strings.Contains(string(text), "source *dagger.Directory") {
			t.Error("New takes the source: it would run again after each edit")
		}
	}
	if len(said) != 1 {
		t.Errorf("the sources differ: %v", said)
	}
}

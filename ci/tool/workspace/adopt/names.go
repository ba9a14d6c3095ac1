package adopt

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// generic are names of folders that say nothing about a function.
var generic = []string{"main", "cmd", "lambda", "src", "app", "function", "handler", "bootstrap", "."}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

func plain(text string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

// imageName makes the name of an image of that of its folder.
func imageName(folder string, s *survey, taken map[string]bool) string {
	parts := strings.Split(folder, "/")
	if folder == "." {
		parts = []string{filepath.Base(s.root)}
		if mod := s.modules["."]; mod != nil && mod.Module != nil {
			parts = []string{path.Base(mod.Module.Mod.Path)}
		}
	}
	for len(parts) > 1 && slices.Contains(generic, parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	name := plain(parts[len(parts)-1])
	for _, end := range []string{"-lambda", "-function"} {
		if short := strings.TrimSuffix(name, end); short != "" && !taken[short] {
			name = short
		}
	}
	for n := len(parts) - 2; n >= 0 && (name == "" || taken[name]); n-- {
		name = plain(parts[n] + "-" + name)
	}
	for n := 2; name == "" || taken[name]; n++ {
		name = plain(fmt.Sprintf("%s-%d", parts[len(parts)-1], n))
	}
	return name
}

// camel is the name of a function in AWS, as long as nobody says another one.
func camel(image string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(image, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// repositories are named after the repository.
func repositories(name string) catalog.Repositories {
	name = plain(name)
	if name == "" {
		name = "lambda"
	}
	return catalog.Repositories{
		Private: catalog.Variants{Light: name + "-light", Heavy: name + "-heavy"},
		Public:  catalog.Variants{Light: name + "-public-light", Heavy: name + "-public-heavy"},
	}
}

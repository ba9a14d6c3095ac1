package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every `dagger call` of a document, a workflow or the buildspec names a function and flags
// that the module has.
func TestDocumentedCallsExist(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/*/*.md", "../.github/workflows/*.yml", "buildspec.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	parameters := parameters(t)
	calls := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		joined := strings.ReplaceAll(string(text), "\\\n", " ")
		for _, line := range regexp.MustCompile("dagger (?:--?[a-z]+ (?:plain |aws |staging )?)*call ([^`#|\n;)]+)").FindAllStringSubmatch(joined, -1) {
			if strings.HasPrefix(line[1], "VERB") {
				continue
			}
			calls++
			if said := checkCall(parameters, strings.Fields(line[1])); said != "" {
				t.Errorf("%s: dagger call %s: %s", file, line[1], said)
			}
		}
	}
	if calls < 15 {
		t.Errorf("only %d calls were found", calls)
	}
}

// checkCall says what the module does not have, or nothing. After the function's own flags,
// the functions of what it returns may follow.
func checkCall(parameters map[string][]string, words []string) string {
	of := "new"
	for i, word := range words {
		flag, isFlag := strings.CutPrefix(word, "--")
		flag, _, _ = strings.Cut(flag, "=")
		switch {
		case isFlag && flag == "help":
		case isFlag:
			if !slices.Contains(parameters[of], flag) {
				return of + " has no --" + flag
			}
		case i > 0 && strings.HasPrefix(words[i-1], "--") && !isSwitch(words[i-1]): // a flag's value
		case of == "new":
			if _, ok := parameters[word]; !ok {
				return "there is no function " + word
			}
			of = word
		default:
			return ""
		}
	}
	return ""
}

// isSwitch tells whether a flag has no value.
func isSwitch(flag string) bool {
	return slices.Contains([]string{"--dry-run", "--as-json", "--smoke", "--help", "--markdown", "--published", "--allow-dirty"}, flag)
}

func TestCallsThatDoNotExist(t *testing.T) {
	parameters := parameters(t)
	for call, want := range map[string]string{
		"build-all":                              "",
		"--platform linux/arm64 build-all":       "",
		"status --as-json":                       "",
		"images export --path dist":              "",
		"publish --dry-run --commit abc1234":     "",
		"build-everything":                       "there is no function build-everything",
		"--source . build-all":                   "new has no --source",
		"status --json":                          "status has no --json",
		"publish --dry-run --commits abc1234":    "publish has no --commits",
		"publish --commit abc1234 --region eu-1": "publish has no --region",
	} {
		if got := checkCall(parameters, strings.Fields(call)); got != want {
			t.Errorf("%s: %q, not %q", call, got, want)
		}
	}
}

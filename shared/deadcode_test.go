package shared_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edge is a line of the linker's dump of dependencies: one symbol keeps another.
var edge = regexp.MustCompile(`^(\S.*?)((?: <\w+>)*) -> (\S.*?)(?: <\w+>)*$`)

// Code that looks up a method by a name that only the running program knows makes the linker
// keep every exported method of every type that is converted to an interface: with it, the
// clients of AWS alone made a binary four times as large, and Lambda loads what is large
// slowly. text/template and html/template do so, and reflect.Value.MethodByName.
func TestTheLinkerLeavesOutWhatNobodyCalls(t *testing.T) {
	for folder := range functions(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			keeps, looksUp := dump(t, folder)
			require.Greater(t, len(keeps), 1000, "the linker said what keeps what")
			for _, symbol := range looksUp {
				assert.Fail(t, symbol+" looks up methods by name, so nothing is left out", "kept by: %s", strings.Join(chain(keeps, symbol), " -> "))
			}
		})
	}
}

// dump links the function and returns what each symbol keeps, and the symbols that look up
// methods.
func dump(t *testing.T, folder string) (keeps map[string][]string, looksUp []string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags=-s -w -dumpdep", "-o", filepath.Join(t.TempDir(), "bootstrap"), ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Run(), folder)
	keeps = map[string][]string{}
	for lines := bufio.NewScanner(strings.NewReader(said.String())); lines.Scan(); {
		m := edge.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		keeps[m[1]] = append(keeps[m[1]], m[3])
		if strings.Contains(m[2], "<ReflectMethod>") && !slices.Contains(looksUp, m[1]) {
			looksUp = append(looksUp, m[1])
		}
	}
	return keeps, looksUp
}

// chain returns a shortest way from the start of the program to a symbol.
func chain(keeps map[string][]string, symbol string) []string {
	from := map[string]string{}
	for next := []string{"_rt0_amd64_linux", "main.main", "main..inittask"}; len(next) > 0; next = next[1:] {
		if next[0] == symbol {
			way := []string{symbol}
			for at := from[symbol]; at != ""; at = from[at] {
				way = append(way, at)
			}
			slices.Reverse(way)
			return way
		}
		for _, to := range keeps[next[0]] {
			if _, seen := from[to]; !seen {
				from[to] = next[0]
				next = append(next, to)
			}
		}
	}
	return []string{symbol}
}

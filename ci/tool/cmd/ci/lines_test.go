package main

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/commandlines"
	"lambdas.internal/ci/tool/internal/testkit"
)

// Every command line that a document, a workflow, the build specification or the help
// shows or runs has a verb, flags and arguments that there are: of this program, of
// the Dagger module, of the Makefile.
func TestThisRepositoryCommandLinesAreThere(t *testing.T) {
	t.Parallel()
	check := map[string]func([]string) error{"ci": checkCI, "dagger": checkDagger(t), "make": checkMake(t)}
	files := append(testkit.Sources(t, repository, ".md", ".yml", ".yaml", ".sh"), ".ci/run")
	checked := map[string]int{}
	hold := func(lines []commandlines.Line) {
		for _, l := range lines {
			program := path.Base(l.Words[0])
			checked[program]++
			assert.NoError(t, check[program](l.Words[1:]), "%s: %s", l.File, l.Text)
		}
	}
	for _, file := range files {
		lines, err := commandlines.Find(file, testkit.Source(t, repository, file), "ci", "dagger", "make")
		require.NoError(t, err)
		hold(lines)
	}
	for _, cmd := range newRoot().Commands() {
		lines, err := commandlines.Find("help of "+cmd.Name(), []byte(cmd.Example), "ci")
		require.NoError(t, err)
		hold(lines)
	}
	for _, program := range []string{"ci", "dagger", "make"} {
		assert.Greater(t, checked[program], 5, "%s: hardly a line was found", program)
	}
}

// placeholder stands in a document for what a person is to fill in.
var placeholder = regexp.MustCompile(`^[A-Z][A-Z_]*$`)

// checkCI parses the arguments as the program does, and runs nothing.
func checkCI(args []string) error {
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--help" })
	if len(args) == 0 || placeholder.MatchString(args[0]) {
		return nil
	}
	root := newRoot()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// checkMake returns a check that the Makefile has the targets.
func checkMake(t *testing.T) func([]string) error {
	makefile := string(testkit.Source(t, repository, "Makefile"))
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z/-]+):`).FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = true
	}
	return func(args []string) error {
		for _, a := range args {
			if !strings.Contains(a, "=") && !targets[a] && !placeholder.MatchString(a) {
				return fmt.Errorf("the Makefile has no target %s", a)
			}
		}
		return nil
	}
}

func TestThisRepositoryCommandLinesThatAreNot(t *testing.T) {
	t.Parallel()
	dagger, make := checkDagger(t), checkMake(t)
	for line, check := range map[string]func([]string) error{
		"buildall":                        checkCI,
		"build-all --nur api":             checkCI,
		"build-all api":                   checkCI,
		"publish --parallel many":         checkCI,
		"new":                             checkCI,
		"tests":                           make,
		"call buildall":                   dagger,
		"call build-all --nur api":        dagger,
		"call --regoin x build-all":       dagger,
		"call publish":                    dagger,
		"call publish --commit":           dagger,
		"call build-all terminal":         dagger,
		"call image --name api terminals": dagger,
		"call images export":              dagger,
		"call images export --pth dist":   dagger,
		"call":                            dagger,
		"cal build-all":                   dagger,
		"--slient call build-all":         dagger,
	} {
		require.Error(t, check(strings.Fields(line)), line)
	}
	for line, check := range map[string]func([]string) error{
		"":                                       checkCI,
		"COMMAND --help":                         checkCI,
		"--root x --json list":                   checkCI,
		"-C x build-all --only api,thumb":        checkCI,
		"test ARGS=x":                            make,
		"functions":                              dagger,
		"check":                                  dagger,
		"--silent call build-all":                dagger,
		"call --region x publish --commit=abc":   dagger,
		"call publish --commit abc --dry-run":    dagger,
		"call image --name api terminal":         dagger,
		"call images export --path dist":         dagger,
		"--progress plain call build-all --help": dagger,
	} {
		require.NoError(t, check(strings.Fields(line)), line)
	}
}

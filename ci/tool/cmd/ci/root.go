package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The exit codes.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitRolledBack = 3 // a release failed, and every function runs what it ran before
)

// usageError is a command line that cannot be carried out.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// storyError is an error that tells the whole story, also of an interrupt, with the
// exit code that goes with it.
type storyError struct {
	error
	code int
}

func (e storyError) Unwrap() error { return e.error }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var story storyError
	told := errors.As(err, &story)
	if ctx.Err() != nil && !told {
		err = errors.New("interrupted; what was there before is as it was")
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "ci: "+strings.TrimRight(line, "\n"))
	}
	var usage usageError
	switch {
	case told:
		return story.code
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailed
	}
}

// app holds what every command needs.
type app struct {
	root     string
	cacheDir string
	json     bool
}

func newRoot() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "ci",
		Short: "Build the container images of this workspace's Lambda functions",
		Long: `Build the container images of this workspace's Lambda functions.

Each folder below functions/ is one function; its image.json says what its image
holds and who may pull it. Nothing but Go is needed (and npm, for the heavy
images, as long as no registry is in reach).

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 rolled back: a release
failed, and every function runs what it ran before.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&a.root, "root", "C", "", "workspace to work in (default: the one around the current folder)")
	flags.StringVar(&a.cacheDir, "cache", os.Getenv("CI_CACHE"), "folder for what later runs reuse (default $CI_CACHE, or lambdas-ci in the user's cache folder)")
	flags.BoolVar(&a.json, "json", false, "print the result as JSON")

	const commands, steps = "commands", "steps"
	root.AddGroup(
		&cobra.Group{ID: commands, Title: "Commands:"},
		&cobra.Group{ID: steps, Title: "Steps of build-all, each on its own:"})
	for _, cmd := range append([]*cobra.Command{newList(a), newBuildAll(a), newImage(a), newInvoke(a), newLock(a)}, verbs(a)...) {
		cmd.GroupID = commands
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{newBinaries(a), newBase(a), newFFmpegLayer(a), newImages(a)} {
		cmd.GroupID = steps
		root.AddCommand(cmd)
	}
	return root
}

// noArgs refuses positional arguments, and suggests the command that may have
// been meant.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%q is not a command or flag", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return usageError{fmt.Errorf("%s; see `%s --help`", text, cmd.CommandPath())}
}

// catalog reads the workspace that the command works in.
func (a *app) catalog() (*catalog.Catalog, error) {
	root := a.root
	if root == "" {
		dir, err := filepath.Abs(".")
		if err != nil {
			return nil, fmt.Errorf("find the workspace: %w", err)
		}
		if root, err = findRoot(dir); err != nil {
			return nil, err
		}
	}
	return catalog.Load(root)
}

// selected returns the catalog and, of its functions, those whose images are named;
// all when none is.
func (a *app) selected(images []string) (*catalog.Catalog, []catalog.Function, error) {
	c, err := a.catalog()
	if err != nil {
		return nil, nil, err
	}
	functions, err := c.Select(images)
	if err != nil {
		return nil, nil, usageError{err}
	}
	return c, functions, nil
}

// findRoot returns the nearest folder, from dir upwards, that is a workspace.
func findRoot(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		work, err := os.Stat(filepath.Join(at, "go.work"))
		functions, err2 := os.Stat(filepath.Join(at, catalog.Dir))
		if err == nil && err2 == nil && work.Mode().IsRegular() && functions.IsDir() {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", usageError{fmt.Errorf("no workspace (go.work and %s/) in %s or above; name one with --root", catalog.Dir, dir)}
		}
	}
}

// cache opens the folder for what later runs reuse.
func (a *app) cache() (*cache.Cache, error) {
	dir := a.cacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache: %w; name a folder with --cache", err)
		}
		dir = filepath.Join(user, "lambdas-ci")
	}
	return cache.New(dir)
}

// print prints v as JSON if asked to, else calls table.
func (a *app) print(cmd *cobra.Command, v any, table func(io.Writer) error) error {
	if a.json {
		return report.JSON(cmd.OutOrStdout(), v)
	}
	return table(cmd.OutOrStdout())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
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

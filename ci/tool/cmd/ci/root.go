package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The exit codes.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitRolledBack = 3 // a release failed and was rolled back: every function runs the same image as before
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// storyError is an error whose message is complete, also after an interrupt, with its
// exit code.
type storyError struct {
	error
	code int
}

func (e storyError) Unwrap() error { return e.error }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// Whatever is printed goes through these two writers.
	stdout, stderr = report.Printable(stdout), report.Printable(stderr)
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
		err = errors.New("interrupted; nothing was changed")
	}
	if !told {
		err = goFolders(ctx, err)
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "ci: "+strings.TrimRight(line, "\n"))
	}
	var usage usageError
	var unknown catalog.UnknownImageError
	switch {
	case told:
		return story.code
	case errors.As(err, &usage), errors.As(err, &unknown):
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
		Use:         "ci",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "bin/ci"},
		Short:       "Build, check, publish and deploy the images of this workspace's Lambda functions",
		Long: `Build, check, publish and deploy the container images of this workspace's Lambda
functions.

Each folder in functions/ is one function. Its image.json says what its image holds
and whether the image is private or public. Go is enough to build; the heavy images,
which hold ffmpeg, also need npm where no registry is reachable.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 a release failed and was
rolled back: every function runs the same image as before.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	})
	root.SetHelpCommand(newHelp())
	flags := root.PersistentFlags()
	flags.StringVarP(&a.root, "root", "C", "", "workspace to work in (default: the one around the current folder)")
	flags.StringVar(&a.cacheDir, "cache", os.Getenv("CI_CACHE"), "folder with what later runs reuse (default: $CI_CACHE, else lambdas-ci in your cache folder)")
	flags.BoolVar(&a.json, "json", false, "print the result as JSON")

	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := runsOn(runtime.GOOS, cmd); err != nil {
			return err
		}
		if err := requiredFlags(cmd); err != nil {
			return err
		}
		return a.environment(cmd)
	}

	const commands, steps = "commands", "steps"
	root.AddGroup(
		&cobra.Group{ID: commands, Title: "Commands:"},
		&cobra.Group{ID: steps, Title: "Steps of build-all, each on its own:"})
	for _, cmd := range append([]*cobra.Command{newList(a), newBuildAll(a), newDev(a), newImage(a), newInvoke(a), newLock(a), newUp(a), newVersion(a), newCompletion()}, verbs(a)...) {
		cmd.GroupID = commands
		a.complete(cmd)
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{newBinaries(a), newBase(a), newFFmpegLayer(a), newImages(a)} {
		cmd.GroupID = steps
		a.complete(cmd)
		root.AddCommand(cmd)
	}
	return root
}

// runsOn returns an error if a command does not run on a system. What reads the workspace and
// keeps files relies on paths, links and rights as Linux and macOS have them.
func runsOn(system string, cmd *cobra.Command) error {
	if system != "windows" || slices.Contains([]string{"ci", "version", "completion"}, cmd.Name()) {
		return nil
	}
	return usageError{fmt.Errorf("%s does not run on Windows itself; use WSL: type `wsl --install`, then clone the repository and build there", cmd.CommandPath())}
}

// newHelp replaces cobra's own help command, which accepts the name of an unknown command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return errors.Join(err, noArgs(of, rest))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// requiredFlags returns an error that names the required flags that are missing.
func requiredFlags(cmd *cobra.Command) error {
	var missing []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	if len(missing) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s needs %s; see `%s --help`", cmd.CommandPath(), strings.Join(missing, " and "), cmd.CommandPath())}
}

// noArgs refuses positional arguments, and suggests the nearest command.
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

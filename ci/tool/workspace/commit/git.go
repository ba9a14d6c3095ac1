package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoRepository is a folder that is in no git repository.
var ErrNoRepository = errors.New("there is no git repository here")

// gitError is a failure that git reports.
type gitError struct {
	message string
	silent  bool // as --quiet asks, if only the answer is no
}

func (e *gitError) Error() string { return "run git: " + e.message }

// located are the variables with which git looks at another repository than the one of
// the folder it is called in; a hook of git sets some. They hold only without one.
var located = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_IMPLICIT_WORK_TREE",
	"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXTERNAL_DIFF"}

// environment returns the variables for git in a folder, or [ErrNoRepository]. Only a
// folder without .git, up to the root of the file system, has none: if git says so for
// another reason, that is an error.
func environment(dir string) ([]string, error) {
	env := append(os.Environ(), "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return slices.DeleteFunc(env, func(v string) bool {
				name, _, _ := strings.Cut(v, "=")
				return slices.Contains(located, name)
			}), nil
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if os.Getenv("GIT_DIR") == "" {
		return nil, ErrNoRepository
	}
	return env, nil
}

// command returns a call of git in dir.
func command(ctx context.Context, dir string, args ...string) (*exec.Cmd, error) {
	env, err := environment(dir)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("%s is a git repository, but git is not installed; install it, and add it to the PATH", dir)
	}
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = dir, env
	return cmd, nil
}

// output runs git in dir and returns what it prints.
func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd, err := command(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, explain(dir, complaint.String(), err)
	}
	return out.Bytes(), nil
}

// explain returns an error with the first line of git's message, and what to do.
func explain(dir, complaint string, err error) error {
	if strings.Contains(complaint, "dubious ownership") {
		// The last line has the command, with the folder that git means.
		command := "git config --global --add safe.directory " + dir
		for line := range strings.Lines(complaint) {
			if text := strings.TrimSpace(line); strings.HasPrefix(text, "git config ") {
				command = text
			}
		}
		return fmt.Errorf("git does not read %s, because another user owns it; if you trust it: %s", dir, command)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n")
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return fmt.Errorf("run git: %w", err)
	case first == "":
		return &gitError{err.Error(), true}
	}
	return &gitError{strings.TrimPrefix(first, "fatal: "), false}
}

// git is [output] as text, without the spaces around it.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := output(ctx, dir, args...)
	return strings.TrimSpace(string(out)), err
}

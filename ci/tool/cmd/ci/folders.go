package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lambdas.internal/ci/tool/cache"
)

// A user without a home folder is usual in a container: `docker run --user 1234` sets HOME
// to /. Both this program and go keep there what later runs reuse.
const (
	ownHome = "set HOME to a folder that you may write to, or pass --cache FOLDER, and set GOCACHE and GOPATH"
	goHome  = "set HOME to a folder that you may write to, or set GOCACHE and GOPATH"
)

// cache opens the folder of what later runs reuse.
func (a *app) cache() (*cache.Cache, error) {
	dir, fix := a.cacheDir, "pass a folder that you may write to with --cache"
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, storyError{fmt.Errorf("find the folder of what later runs reuse: %w; %s", err, ownHome), exitFailed}
		}
		dir, fix = filepath.Join(user, "lambdas-ci"), ownHome
	}
	err := cache.Writable(dir)
	if err == nil {
		err = cache.Private(dir)
	}
	if err == nil {
		err = cache.OutputFolder(dir, "blobs", "records", "binaries", "npm")
	}
	var shared *cache.SharedError
	if errors.As(err, &shared) {
		fix = "pass a folder of your own with --cache"
		if shared.Mode {
			fix = fmt.Sprintf("type `chmod go-w %s && rm -r %s`, which loses nothing, or %s", shared.Folder, dir, fix)
		}
		err = fmt.Errorf("%w, so what is kept cannot be trusted", err)
	}
	if err != nil {
		return nil, storyError{fmt.Errorf("keep in %s what later runs reuse: %w; %s", dir, err, fix), exitFailed}
	}
	return cache.New(dir)
}

// goFolders returns which of its own folders go cannot use, if that is why a command
// failed; else the error of the command. It names the first one: the fix is for both.
func goFolders(ctx context.Context, failed error) error {
	text := failed.Error()
	if !strings.Contains(text, "cache") { // as what go says about its folders does
		return failed
	}
	cmd := exec.CommandContext(ctx, "go", "env", "GOCACHE", "GOMODCACHE")
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	folders := strings.Split(string(out), "\n")
	if err != nil || len(folders) < 2 {
		return failed
	}
	for n, f := range []struct{ holds, called string }{{"what it compiles", "build cache"}, {"modules", "module cache"}} {
		dir := strings.TrimSpace(folders[n])
		var refused *fs.PathError
		switch {
		case dir == "" || dir == "off":
			if strings.Contains(text, f.called) {
				return fmt.Errorf("go has no folder for %s: $HOME is not defined; %s", f.holds, goHome)
			}
		case errors.As(cache.Writable(dir), &refused) && strings.Contains(text, refused.Path):
			return fmt.Errorf("go cannot keep %s in %s: %w; %s", f.holds, dir, refused, goHome)
		}
	}
	return failed
}

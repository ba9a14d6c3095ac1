// Package npm downloads npm packages and checks their integrity. It runs the npm client,
// so that the user's settings for registry, proxy and certificates apply.
package npm

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Fetch downloads the tarball of the package to dir, unless it is there already, checks
// that it has the integrity in the lock file, and returns its path.
func Fetch(ctx context.Context, p lock.Package, dir string) (string, error) {
	name := filepath.Join(dir, strings.NewReplacer("@", "", "/", "-").Replace(p.Name)+"-"+p.Version+".tgz")
	if verify(name, p) == nil {
		return name, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("fetch %s: %w", p.Name, err)
	}
	temporary, err := os.MkdirTemp(dir, ".fetch-*")
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", p.Name, err)
	}
	defer os.RemoveAll(temporary)
	report.Doing(ctx, "npm downloads "+p.Name+"@"+p.Version) // it does not say how many bytes
	if _, err := run(ctx, temporary, temporary, "pack", "--ignore-scripts", "--pack-destination=.", p.Name+"@"+p.Version); err != nil {
		return "", err
	}
	fetched := filepath.Join(temporary, filepath.Base(name))
	if err := verify(fetched, p); err != nil {
		return "", err
	}
	if err := os.Rename(fetched, name); err != nil {
		return "", fmt.Errorf("fetch %s: %w", p.Name, err)
	}
	return name, nil
}

// Integrity asks the npm registry for the integrity of a package version.
func Integrity(ctx context.Context, name, version string) (string, error) {
	temporary, err := os.MkdirTemp("", "ci-npm-*")
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", name, err)
	}
	defer os.RemoveAll(temporary)
	out, err := run(ctx, "", temporary, "view", "--json", name+"@"+version, "dist.integrity")
	if err != nil {
		return "", err
	}
	var integrity string
	if err := json.Unmarshal(out, &integrity); err != nil || !strings.HasPrefix(integrity, "sha512-") {
		return "", fmt.Errorf("read the integrity of %s@%s: npm answered %q", name, version, out)
	}
	return integrity, nil
}

// home returns what npm needs to run for a user without a home folder that it can write to,
// as `docker run --user 1234` has: its own cache is then in the temporary folder.
func home(temporary string) []string {
	user, err := os.UserHomeDir()
	switch {
	case err != nil:
		return []string{"HOME=" + temporary}
	case os.Getenv("npm_config_cache") == "" && cache.Writable(filepath.Join(user, ".npm")) != nil:
		return []string{"npm_config_cache=" + filepath.Join(temporary, ".npm")}
	}
	return nil
}

// run runs npm in dir and returns its standard output.
func run(ctx context.Context, dir, temporary string, args ...string) ([]byte, error) {
	args = append(args, "--fetch-retries=2", "--fetch-retry-mintimeout=500", "--update-notifier=false")
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), home(temporary)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("npm is not installed; install Node.js, or pass an image that has ffmpeg with --ffmpeg")
	}
	if err != nil {
		return nil, fmt.Errorf("run npm %s: %w\n%s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// verify checks that a tarball has the integrity in the lock file.
func verify(name string, p lock.Package) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("check %s: %w", p.Name, err)
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("check %s: %w", p.Name, err)
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != p.Integrity {
		return fmt.Errorf("check %s@%s: its integrity is %s, but the lock file says %s", p.Name, p.Version, got, p.Integrity)
	}
	return nil
}

// Open returns one file of a package's tarball. Of the tarball, at most [limit.Tools] bytes
// are unpacked.
func Open(ctx context.Context, tarball, file string) (io.ReadCloser, error) {
	f, err := os.Open(tarball)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", tarball, err)
	}
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", tarball, err), f.Close())
	}
	tr := tar.NewReader(limit.Reader(ctx, zr, limit.Tools))
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			err = errors.New("it is missing")
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("find %s in %s: %w", file, filepath.Base(tarball), err), f.Close())
		}
		if h.Name == "package/"+file { // npm puts every file below package/
			return entry{tr, f}, nil
		}
	}
}

// entry reads one entry of a tar; Close closes the file of the tar.
type entry struct {
	io.Reader
	io.Closer
}

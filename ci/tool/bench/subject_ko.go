//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// ko is github.com/google/ko with its cache; it pushes to a registry on localhost. It
// builds with the same flags and environment, and on the same base.
type ko struct {
	binary   string
	registry string // host and port
	base     string // reference of the base in that registry
}

func (ko) Name() string { return "ko" }

func (ko) Prepare(context.Context, string) error { return nil }

// config returns ko's .ko.yaml, as JSON, which is valid YAML.
func (k ko) config() ([]byte, error) {
	return json.Marshal(map[string]any{
		"defaultBaseImage": k.base,
		"defaultPlatforms": []string{platform.String()},
		"defaultFlags":     gobuild.Flags(catalog.Function{}),
	})
}

// environment returns the environment of `go build` without the platform, which ko
// accepts only as the flag --platform.
func (ko) environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(s string) bool {
		return strings.HasPrefix(s, "GOOS=") || strings.HasPrefix(s, "GOARCH=")
	})
}

func (k ko) Build(ctx context.Context, w *catalog.Catalog, state string) error {
	if err := os.MkdirAll(state, 0o755); err != nil {
		return err
	}
	config, err := k.config()
	if err != nil {
		return err
	}
	file := filepath.Join(state, ".ko.yaml")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		return err
	}
	args := []string{"build", "--base-import-paths", "--sbom", "none", "--platform", platform.String()}
	for _, f := range w.Functions {
		args = append(args, "./"+f.Folder)
	}
	env, err := gobuild.Environment(ctx, w, catalog.Function{}, platform)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, k.binary, args...)
	cmd.Dir = w.Root
	cmd.Env = append(k.environment(env),
		goCache(state),
		"KOCACHE="+filepath.Join(state, "kocache"),
		"KO_CONFIG_PATH="+file,
		"KO_DOCKER_REPO="+k.registry+"/ko")
	return runCommand(cmd)
}

// pushBase pushes the only image of the layout in dir and returns its reference.
func pushBase(host, dir string) (string, error) {
	reference := host + "/base:static"
	if err := push(reference, dir); err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	return reference, nil
}

func push(reference, dir string) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if len(manifest.Manifests) != 1 {
		return fmt.Errorf("%s has %s, expected 1", dir, report.Count(len(manifest.Manifests), "image"))
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return err
	}
	return remote.Write(ref, image)
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// platforms are those that Lambda runs.
// https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html
var platforms = []string{"linux/amd64", "linux/arm64"}

// buildFlags are the flags of all commands that build.
type buildFlags struct {
	only     []string
	platform string
	base     string
	ffmpeg   string
	offline  bool
}

// addAll adds the flags of a command that builds images.
func (f *buildFlags) addAll(cmd *cobra.Command) {
	f.addOnly(cmd)
	f.addOne(cmd)
}

// addOne adds those of a command that builds one.
func (f *buildFlags) addOne(cmd *cobra.Command) {
	f.addPlatform(cmd)
	f.addBase(cmd)
	f.addFFmpeg(cmd)
}

func (f *buildFlags) addOnly(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "images to make, by name (default: all)")
}

func (f *buildFlags) addPlatform(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.platform, "platform", platforms[0], "platform to build for: "+strings.Join(platforms, " or "))
}

func (f *buildFlags) addBase(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.base, "base", "", "base image instead of the locked one: a reference, or `static`")
	f.addOffline(cmd)
}

func (f *buildFlags) addFFmpeg(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ffmpeg, "ffmpeg", "", "image to take ffmpeg from instead of the locked one: a reference, or `static`")
	f.addOffline(cmd)
}

func (f *buildFlags) addOffline(cmd *cobra.Command) {
	if cmd.Flags().Lookup("offline") == nil {
		cmd.Flags().BoolVar(&f.offline, "offline", false, "ask no registry: use what is cached, else the static base and ffmpeg")
	}
}

// builder returns what builds the workspace as the flags say.
func (a *app) builder(cmd *cobra.Command, f *buildFlags) (*build.Builder, error) {
	platform, err := parsePlatform(f.platform)
	if err != nil {
		return nil, err
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	l, err := lock.Load(c.Root)
	if err != nil {
		return nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, err
	}
	return &build.Builder{
		Catalog: c, Cache: kept, Lock: l, Platform: *platform,
		BaseRef: f.base, FFmpegRef: f.ffmpeg, Offline: f.offline,
		Step: report.NewProgress(cmd.ErrOrStderr()).Step,
	}, nil
}

// parsePlatform reads a platform that Lambda runs; none is the first.
func parsePlatform(text string) (*v1.Platform, error) {
	if text == "" {
		text = platforms[0]
	}
	if !slices.Contains(platforms, text) {
		return nil, usageError{fmt.Errorf("--platform: Lambda does not run %q; name %s", text, strings.Join(platforms, " or "))}
	}
	platform, err := v1.ParsePlatform(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--platform: %w", err)}
	}
	return platform, nil
}

func addFrom(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "take the images of this layout, which build-all or images wrote, instead of building")
}

// made is images in a layout, ready to be judged or published.
type made struct {
	builder   *build.Builder
	functions []catalog.Function
	dir       string
}

// images builds what the flags select, or takes what from holds.
func (a *app) images(cmd *cobra.Command, f *buildFlags, from string) (*made, error) {
	b, err := a.builder(cmd, f)
	if err != nil {
		return nil, err
	}
	functions, err := b.Catalog.Select(f.only)
	if err != nil {
		return nil, usageError{err}
	}
	if from != "" {
		return &made{b, functions, from}, nil
	}
	r, dir, err := a.buildAll(cmd, f, "")
	if err != nil {
		return nil, err
	}
	warn(cmd, r.Warnings)
	if failed := r.Failed(); len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	return &made{b, functions, dir}, nil
}

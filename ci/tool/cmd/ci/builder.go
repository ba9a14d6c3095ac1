package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// platforms are those that Lambda supports.
// https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html
var platforms = []string{"linux/amd64", "linux/arm64"}

// buildFlags are the flags of all commands that build.
type buildFlags struct {
	only     []string
	platform string
	base     string
	ffmpeg   string
	offline  bool
	mirrors  mirrorFlags
}

// addAll adds the flags of a command that builds images.
func (f *buildFlags) addAll(cmd *cobra.Command) {
	f.addOnly(cmd)
	f.addOne(cmd)
}

// addOne adds the flags of a command that builds one image.
func (f *buildFlags) addOne(cmd *cobra.Command) {
	f.addPlatform(cmd)
	f.addBase(cmd)
	f.addFFmpeg(cmd)
}

func (f *buildFlags) addOnly(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "images to build, by name (default: all)")
}

func (f *buildFlags) addPlatform(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.platform, "platform", "", "platform to build all images for: "+strings.Join(platforms, " or ")+" (default: that of each function)")
}

// addLocalPlatform is [buildFlags.addPlatform] for a command that runs functions on this machine.
func (f *buildFlags) addLocalPlatform(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.platform, "platform", "", "platform to build all images for: "+strings.Join(platforms, " or ")+" (default: that of this machine)")
}

// addOnePlatform is [buildFlags.addPlatform] for a step: it is for one platform.
func (f *buildFlags) addOnePlatform(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.platform, "platform", platforms[0], "platform to build for: "+strings.Join(platforms, " or "))
}

// onePlatform is [app.builder] for a step.
func (a *app) onePlatform(cmd *cobra.Command, f *buildFlags) (*build.Builder, error) {
	b, err := a.builder(cmd, f)
	if err == nil {
		b.Mixed = false
	}
	return b, err
}

func (f *buildFlags) addBase(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.base, "base", "", "base image to use instead of the locked one: a `REFERENCE`, or static")
	f.addOffline(cmd)
}

func (f *buildFlags) addFFmpeg(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ffmpeg, "ffmpeg", "", "image to copy ffmpeg from instead of the locked one: a `REFERENCE`, or static")
	f.addOffline(cmd)
}

func (f *buildFlags) addOffline(cmd *cobra.Command) {
	if cmd.Flags().Lookup("offline") == nil {
		cmd.Flags().BoolVar(&f.offline, "offline", false, "contact no registry: use the cache, else the static base and ffmpeg")
		f.mirrors.add(cmd)
	}
}

// architectures returns those of a list of several platforms, whose place the first takes; nil
// if it is no list.
func (f *buildFlags) architectures() ([]string, error) {
	list := strings.Split(f.platform, ",")
	if len(list) == 1 {
		return nil, nil
	}
	var all []string
	for _, text := range list {
		p, err := parsePlatform(strings.TrimSpace(text))
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(all, p.Architecture):
			return nil, usageError{fmt.Errorf("--platform names linux/%s twice", p.Architecture)}
		}
		all = append(all, p.Architecture)
	}
	f.platform = "linux/" + all[0]
	return all, nil
}

// builder returns a Builder for the workspace, set up by the flags.
func (a *app) builder(cmd *cobra.Command, f *buildFlags) (*build.Builder, error) {
	platform, err := parsePlatform(f.platform)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkReference("base", f.base), checkReference("ffmpeg", f.ffmpeg)); err != nil {
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
	mirrors, err := f.mirrors.beside(l)
	if err != nil {
		return nil, err
	}
	return &build.Builder{
		Catalog: c, Cache: kept, Lock: l, Platform: *platform, Mixed: !cmd.Flags().Changed("platform"),
		BaseRef: f.base, FFmpegRef: f.ffmpeg, Mirrors: mirrors, Offline: f.offline,
		Step: report.NewProgress(cmd.ErrOrStderr()).Start,
	}, nil
}

// mirrorFlags say from where images are pulled instead of their own registry.
type mirrorFlags []string

func (f *mirrorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar((*[]string)(f), "mirror", nil, "pull the images of a registry from elsewhere: docker.io=HOST[:PORT][/PATH] (default: the mirrors in "+lock.File+")")
}

// beside returns the mirrors of the lock file and of the flags, which come first.
func (f mirrorFlags) beside(l *lock.Lock) (lock.Mirrors, error) {
	mirrors := lock.Mirrors{}
	maps.Copy(mirrors, l.Mirrors)
	for _, m := range f {
		registry, mirror, _ := strings.Cut(m, "=")
		if err := mirrors.Add(registry, mirror); err != nil {
			return nil, usageError{fmt.Errorf("--mirror: %w", err)}
		}
	}
	return mirrors, nil
}

// parsePlatform reads a platform that Lambda runs; none is the first.
func parsePlatform(text string) (*v1.Platform, error) {
	if text == "" {
		text = platforms[0]
	}
	if !slices.Contains(platforms, text) {
		return nil, usageError{fmt.Errorf("--platform: Lambda does not run %q; pass %s", text, strings.Join(platforms, " or "))}
	}
	platform, err := v1.ParsePlatform(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--platform: %w", err)}
	}
	return platform, nil
}

// checkReference returns an error if the value of a flag is not the reference of an image.
func checkReference(flag, value string) error {
	if _, err := name.ParseReference(value); err != nil && value != "" {
		return usageError{fmt.Errorf("--%s: %q is not an image reference; write registry/repository:tag or registry/repository@digest", flag, value)}
	}
	return nil
}

// refuse returns an error if one of the flags was passed: beside the other one it would have
// no effect.
func refuse(cmd *cobra.Command, other, says string, flags ...string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s says %s; it cannot be combined with %s", name, says, other)}
		}
	}
	return nil
}

func addFrom(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "image layout to read the images from, instead of building them")
}

// made holds the images of a layout, ready to be checked or published.
type made struct {
	builder   *build.Builder
	functions []catalog.Function
	dir       string
}

// asked returns the functions with the architecture that --platform asks for, if it was passed: a
// layout may hold images for several.
func (f *buildFlags) asked(cmd *cobra.Command, functions []catalog.Function) []catalog.Function {
	all := slices.Clone(functions)
	if _, architecture, ok := strings.Cut(f.platform, "/"); ok && cmd.Flags().Changed("platform") {
		for n := range all {
			all[n].Architecture = architecture
		}
	}
	return all
}

// images builds the images that the flags select. If from is set, it uses that layout
// instead.
func (a *app) images(cmd *cobra.Command, f *buildFlags, from string) (*made, error) {
	if from != "" {
		if err := refuse(cmd, "--from", "what to build", "base", "ffmpeg", "mirror"); err != nil {
			return nil, err
		}
	}
	b, err := a.builder(cmd, f)
	if err != nil {
		return nil, err
	}
	functions, err := b.Catalog.Select(f.only)
	if err != nil {
		return nil, err
	}
	if from != "" {
		return &made{b, f.asked(cmd, functions), from}, b.Fits(cmd.Context(), functions, from)
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

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// function is what the module must know of a function.
type function struct{ Image, Variant, Architecture string }

// functions returns the functions of the source, as `bin/ci list` finds them; only those named, if any are. If a
// name is wrong, it returns all: the program says which.
func (m *Ci) functions(ctx context.Context, source *dagger.Directory, only []string) ([]function, error) {
	listed, err := output(ctx, m.list(source, "--json"))
	if err != nil {
		return nil, err
	}
	var all []function
	if err := json.Unmarshal([]byte(listed), &all); err != nil {
		return nil, fmt.Errorf("read the list of functions: %w", err)
	}
	var named []function
	for _, name := range only {
		at := slices.IndexFunc(all, func(f function) bool { return f.Image == name })
		if at < 0 {
			return all, nil
		}
		named = append(named, all[at])
	}
	if len(only) == 0 {
		return all, nil
	}
	return named, nil
}

// platform is the one for which a function is built.
func (m *Ci) platform(f function) string {
	return cmp.Or(m.Platform, "linux/"+cmp.Or(f.Architecture, "amd64"))
}

// target is a platform that functions are built for.
type target struct {
	platform string
	ffmpeg   bool // an image has it
}

// targets returns the platforms of functions.
func (m *Ci) targets(functions []function) (all []target) {
	for _, f := range functions {
		at := slices.IndexFunc(all, func(t target) bool { return t.platform == m.platform(f) })
		if at < 0 {
			at, all = len(all), append(all, target{platform: m.platform(f)})
		}
		all[at].ffmpeg = all[at].ffmpeg || f.Variant == "heavy"
	}
	return all
}

// onePlatform returns the platform of a step that is for one.
func (m *Ci) onePlatform(ctx context.Context, source *dagger.Directory, only []string) (string, error) {
	if m.Platform != "" {
		return m.Platform, nil
	}
	functions, err := m.functions(ctx, source, only)
	if err != nil {
		return "", err
	}
	all := m.targets(functions)
	if len(all) > 1 {
		return "", fmt.Errorf("there are functions for %s and for %s; pass --platform", all[0].platform, all[1].platform)
	}
	return m.platform(append(functions, function{})[0]), nil
}

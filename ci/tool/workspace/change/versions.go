package change

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Versions are the versions of everything that goes into the images besides the
// workspace's own files.
type Versions struct {
	// Toolchain is the Go version.
	Toolchain string
	// Modules are the versions by module path.
	Modules map[string]string
	// Base and FFmpeg are the base image and the ffmpeg image.
	Base, FFmpeg string
}

// ReadVersions reads the versions from a workspace's files; read returns no content for
// a missing file. A workspace uses the highest version of each module that any of its
// go.mod files requires, and these files name all modules, so no network is needed. modules
// are the folders of the modules where no go.work names them.
func ReadVersions(read func(name string) ([]byte, error), modules ...string) (Versions, error) {
	v := Versions{Modules: map[string]string{}}
	data, err := read("go.work")
	if err != nil {
		return v, err
	}
	work, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return v, fmt.Errorf("read the versions: %w", err)
	}
	if work.Toolchain != nil {
		v.Toolchain = work.Toolchain.Name
	}
	for _, use := range work.Use {
		modules = append(modules, path.Clean(use.Path))
	}
	if len(data) > 0 { // only those that go.work uses
		modules = modules[len(modules)-len(work.Use):]
	}
	for _, folder := range modules {
		if err := v.addModule(read, path.Join(folder, "go.mod")); err != nil {
			return v, err
		}
	}
	if err := v.readToolchain(read); err != nil {
		return v, err
	}
	return v, v.readLock(read)
}

// readToolchain reads the toolchain where go.work pins none.
func (v *Versions) readToolchain(read func(string) ([]byte, error)) error {
	if v.Toolchain != "" {
		return nil
	}
	data, err := read("go.mod")
	if err != nil {
		return err
	}
	if mod, err := modfile.Parse("go.mod", data, nil); err == nil && mod.Toolchain != nil {
		v.Toolchain = mod.Toolchain.Name
		return nil
	}
	if data, err = read(catalog.PipelineFile); err != nil || len(data) == 0 {
		return err
	}
	var p catalog.Pipeline
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read the versions: %s: %w", catalog.PipelineFile, err)
	}
	v.Toolchain = p.Toolchain
	return nil
}

func (v *Versions) addModule(read func(string) ([]byte, error), name string) error {
	data, err := read(name)
	if err != nil || len(data) == 0 {
		return err
	}
	mod, err := modfile.ParseLax(name, data, nil)
	if err != nil {
		return fmt.Errorf("read the versions: %w", err)
	}
	for _, r := range mod.Require {
		if semver.Compare(r.Mod.Version, v.Modules[r.Mod.Path]) > 0 {
			v.Modules[r.Mod.Path] = r.Mod.Version
		}
	}
	return nil
}

func (v *Versions) readLock(read func(string) ([]byte, error)) error {
	data, err := read(lock.File)
	if err != nil || len(data) == 0 {
		return err
	}
	var l lock.Lock
	if err := json.Unmarshal(data, &l); err != nil {
		return fmt.Errorf("read the versions: %s: %w", lock.File, err)
	}
	v.Base, v.FFmpeg = l.Base.Pinned(), l.FFmpeg.Pinned()
	return nil
}

// bumps returns the changed versions that concern the function.
func (s Since) bumps(f catalog.Function, reached []gobuild.Package) []Bump {
	var bumps []Bump
	add := func(what, before, after string) {
		if before != after {
			bumps = append(bumps, Bump{what, before, after})
		}
	}
	used := map[string]bool{}
	for _, p := range reached {
		if !p.Standard {
			used[moduleOf(p.ImportPath, s.After.Modules)] = true
			used[moduleOf(p.ImportPath, s.Before.Modules)] = true
		}
	}
	delete(used, "")
	for _, name := range slices.Sorted(maps.Keys(used)) {
		add(name, s.Before.Modules[name], s.After.Modules[name])
	}
	add("toolchain", s.Before.Toolchain, s.After.Toolchain)
	add("base", s.Before.Base, s.After.Base)
	if f.Variant == catalog.Heavy {
		add("ffmpeg", s.Before.FFmpeg, s.After.FFmpeg)
	}
	return bumps
}

// moduleOf returns the module of the package: the one whose path is the longest prefix
// of the import path.
func moduleOf(importPath string, modules map[string]string) string {
	for at := importPath; at != "." && at != "/"; at = path.Dir(at) {
		if _, ok := modules[at]; ok {
			return at
		}
		if !strings.Contains(at, "/") {
			break
		}
	}
	return ""
}

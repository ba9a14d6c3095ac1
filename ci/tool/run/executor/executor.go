// Package executor decides how functions run on this machine, and starts them that way:
// directly, in QEMU, in containers, or compiled for this machine.
package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/run/container"
)

// Kind is a way of running functions.
type Kind string

// The kinds, in the order in which they are tried.
const (
	// Direct runs the binary of the image as a process.
	Direct Kind = "direct"
	// Emulated does that in QEMU, for another architecture.
	Emulated Kind = "emulated"
	// Container loads the image into a container program.
	Container Kind = "container"
	// Native compiles the function for this machine. It does not run the image.
	Native Kind = "native"
)

// Kinds are all kinds.
var Kinds = []Kind{Direct, Emulated, Container, Native}

// architectures are those that Lambda has.
var architectures = []string{"amd64", "arm64"}

// Executor runs functions in one way.
type Executor struct {
	Kind Kind
	// OS and Architecture are what the functions are built for.
	OS, Architecture string

	how     string // what [Executor.String] adds
	qemu    string // the emulator to register for this run; "" if the kernel has one
	program container.Program
}

// Processes tells whether functions run as processes of this machine, from the files of their images.
func (x *Executor) Processes() bool { return x.Kind == Direct || x.Kind == Emulated }

// Platform is what the functions are built for, as OS/ARCHITECTURE.
func (x *Executor) Platform() string { return x.OS + "/" + x.Architecture }

// String says how functions run, in one line.
func (x *Executor) String() string {
	return fmt.Sprintf("%s, %s%s", x.Kind, x.Platform(), x.how)
}

// Wish is what the user asks for. What is empty is chosen.
type Wish struct {
	Kind         Kind
	Architecture string
	// Own are the architectures for which the functions are published.
	Own []string
	// Image is set if there is no source to compile, but an image.
	Image bool
}

// Choose returns how this machine runs functions.
func Choose(ctx context.Context, w Wish) (*Executor, error) { return choose(ctx, w, here()) }

func choose(ctx context.Context, w Wish, m machine) (*Executor, error) {
	if w.Kind != "" {
		if !slices.Contains(Kinds, w.Kind) {
			return nil, fmt.Errorf("--run: %q is no way to run a function; pass one of %s", w.Kind, list(Kinds))
		}
		return m.only(ctx, w)
	}
	linux := m.os == "linux"
	arch := m.architecture(w)
	switch {
	case linux && arch == m.arch:
		return m.direct(arch)
	case linux:
		return m.emulated(arch)
	}
	x, err := m.container(ctx, arch)
	if err == nil || w.Image {
		return x, err
	}
	if w.Architecture != "" && w.Architecture != m.arch {
		return nil, fmt.Errorf("--platform: linux/%s runs in a container only: %w", arch, err)
	}
	x = m.native()
	x.how += fmt.Sprintf("; %v to run it", err)
	return x, nil
}

// only returns the executor that the user wants, or why it is impossible.
func (m machine) only(ctx context.Context, w Wish) (x *Executor, err error) {
	arch := m.architecture(w)
	switch w.Kind {
	case Direct:
		x, err = m.direct(arch)
	case Emulated:
		if other := slices.IndexFunc(w.Own, func(a string) bool { return a != m.arch }); w.Architecture == "" && other >= 0 {
			arch = w.Own[other]
		}
		x, err = m.emulated(arch)
	case Container:
		x, err = m.container(ctx, arch)
	case Native:
		switch {
		case w.Image:
			err = errors.New("--image has no sources to compile")
		case w.Architecture != "" && w.Architecture != m.arch:
			err = fmt.Errorf("it compiles for this machine, %s/%s; leave out --platform", m.os, m.arch)
		default:
			return m.native(), nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("--run %s: %w", w.Kind, err)
	}
	return x, nil
}

// architecture is what to build for: what the user says, or that of this machine. Of an image that
// exists, only its publisher can choose.
func (m machine) architecture(w Wish) string {
	switch {
	case w.Architecture != "":
		return w.Architecture
	case slices.Contains(architectures, m.arch) && (!w.Image || len(w.Own) == 0):
		return m.arch
	case len(w.Own) > 0:
		return w.Own[0]
	}
	return architectures[0]
}

func list(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

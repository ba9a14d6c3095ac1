package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"lambdas.internal/ci/tool/run/container"
	"lambdas.internal/ci/tool/run/invoke"
)

// machine is what there is to run functions with.
type machine struct {
	os, arch string
	root     bool
	// runs returns nil if the kernel starts programs of an architecture.
	runs func(arch string) error
	// qemu returns a QEMU that this process can have the kernel use; its error says what to install.
	qemu func(arch string) (string, error)
	// find returns the container program that answers.
	find func(context.Context) (container.Program, error)
}

// here is this machine.
func here() machine {
	return machine{runtime.GOOS, runtime.GOARCH, os.Geteuid() == 0, invoke.Runs, invoke.QEMU, container.Find}
}

func (m machine) direct(arch string) (*Executor, error) {
	switch {
	case m.os != "linux":
		return nil, fmt.Errorf("an image holds Linux programs, and this machine is %s/%s; pass --run %s or --run %s", m.os, m.arch, Container, Native)
	case arch != m.arch:
		return nil, fmt.Errorf("this machine is linux/%s; pass --platform linux/%[1]s, or --run %s", m.arch, Emulated)
	}
	return &Executor{Kind: Direct, OS: "linux", Architecture: arch, how: m.sees()}, nil
}

// sees says which files a process sees.
func (m machine) sees() string {
	if m.root {
		return ""
	}
	return ", with the files of this machine (run it as root for those of the image only)"
}

func (m machine) emulated(arch string) (*Executor, error) {
	switch {
	case m.os != "linux":
		return nil, fmt.Errorf("QEMU runs Linux programs on Linux only, and this machine is %s/%s; pass --run %s", m.os, m.arch, Container)
	case arch == m.arch:
		return nil, fmt.Errorf("linux/%s is what this machine is; pass --platform for another architecture", arch)
	}
	x := &Executor{Kind: Emulated, OS: "linux", Architecture: arch, how: ", by the QEMU that the kernel knows" + m.sees()}
	if err := m.runs(arch); !errors.Is(err, invoke.ErrForeign) {
		return x, err
	}
	qemu, err := m.qemu(arch)
	if err != nil {
		return nil, fmt.Errorf("linux/%s: %w, or pass --platform linux/%s", arch, err, m.arch)
	}
	x.qemu, x.how = qemu, ", by "+qemu+m.sees()
	return x, nil
}

func (m machine) container(ctx context.Context, arch string) (*Executor, error) {
	program, err := m.find(ctx)
	if err != nil {
		return nil, err
	}
	return &Executor{Kind: Container, OS: "linux", Architecture: arch, program: program, how: ", by " + program.Name}, nil
}

func (m machine) native() *Executor {
	return &Executor{Kind: Native, OS: m.os, Architecture: m.arch, how: ", compiled for this machine: this is not the image"}
}

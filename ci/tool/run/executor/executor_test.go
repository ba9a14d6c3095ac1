package executor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/run/container"
	"lambdas.internal/ci/tool/run/invoke"
)

// with is a machine that has what is named: "binfmt", "qemu", "docker", "root".
func with(system, arch string, has ...string) machine {
	m := machine{
		os: system, arch: arch,
		runs: func(of string) error { return fmt.Errorf("linux/%s: %w", of, invoke.ErrForeign) },
		qemu: func(string) (string, error) { return "", errors.New("QEMU is not installed; install it") },
		find: func(context.Context) (container.Program, error) {
			return container.Program{}, errors.New("no container program is installed; install one of docker, podman")
		},
	}
	for _, h := range has {
		switch h {
		case "binfmt":
			m.runs = func(string) error { return nil }
		case "qemu":
			m.qemu = func(string) (string, error) { return "/usr/bin/qemu-static", nil }
		case "docker":
			m.find = func(context.Context) (container.Program, error) { return container.Program{Name: "docker"}, nil }
		case "root":
			m.root = true
		}
	}
	return m
}

func TestChoose(t *testing.T) {
	const asUser = ", with the files of this machine (run it as root for those of the image only)"
	pc, mac := with("linux", "amd64", "root"), with("darwin", "arm64")
	for name, test := range map[string]struct {
		machine machine
		wish    Wish
		says    string // what it prints, or the error
	}{
		"Linux":                                 {pc, Wish{}, "direct, linux/amd64"},
		"Linux, not as root":                    {with("linux", "amd64"), Wish{}, "direct, linux/amd64" + asUser},
		"Linux on arm64":                        {with("linux", "arm64", "root"), Wish{Own: []string{"amd64"}}, "direct, linux/arm64"},
		"published for another architecture":    {pc, Wish{Own: []string{"arm64"}}, "direct, linux/amd64"},
		"another architecture":                  {with("linux", "amd64", "root", "qemu"), Wish{Architecture: "arm64"}, "emulated, linux/arm64, by /usr/bin/qemu-static"},
		"another, and the kernel knows QEMU":    {with("linux", "amd64", "root", "binfmt", "qemu"), Wish{Architecture: "arm64"}, "emulated, linux/arm64, by the QEMU that the kernel knows"},
		"another, without QEMU":                 {pc, Wish{Architecture: "arm64"}, "linux/arm64: QEMU is not installed; install it, or pass --platform linux/amd64"},
		"an image for another architecture":     {with("linux", "amd64", "root", "qemu"), Wish{Image: true, Own: []string{"arm64"}}, "emulated, linux/arm64, by /usr/bin/qemu-static"},
		"an architecture without Lambda":        {with("linux", "riscv64", "root", "qemu"), Wish{Own: []string{"arm64"}}, "emulated, linux/arm64, by /usr/bin/qemu-static"},
		"Linux with docker runs directly":       {with("linux", "amd64", "root", "docker"), Wish{}, "direct, linux/amd64"},
		"macOS":                                 {with("darwin", "arm64", "docker"), Wish{Own: []string{"amd64"}}, "container, linux/arm64, by docker"},
		"macOS on Intel":                        {with("darwin", "amd64", "docker"), Wish{}, "container, linux/amd64, by docker"},
		"macOS, as published":                   {with("darwin", "arm64", "docker"), Wish{Architecture: "amd64"}, "container, linux/amd64, by docker"},
		"macOS without a container program":     {mac, Wish{}, "native, darwin/arm64, compiled for this machine: this is not the image; no container program is installed; install one of docker, podman to run it"},
		"macOS without one, an image":           {mac, Wish{Image: true, Own: []string{"amd64"}}, "no container program is installed; install one of docker, podman"},
		"macOS without one, another":            {mac, Wish{Architecture: "amd64"}, "--platform: linux/amd64 runs in a container only: no container program is installed; install one of docker, podman"},
		"--run direct":                          {pc, Wish{Kind: Direct}, "direct, linux/amd64"},
		"--run direct, another":                 {pc, Wish{Kind: Direct, Architecture: "arm64"}, "--run direct: this machine is linux/amd64; pass --platform linux/amd64, or --run emulated"},
		"--run direct on macOS":                 {mac, Wish{Kind: Direct}, "--run direct: an image holds Linux programs, and this machine is darwin/arm64; pass --run container or --run native"},
		"--run emulated":                        {with("linux", "amd64", "root", "qemu"), Wish{Kind: Emulated, Own: []string{"amd64", "arm64"}}, "emulated, linux/arm64, by /usr/bin/qemu-static"},
		"--run emulated, the same architecture": {with("linux", "amd64", "qemu"), Wish{Kind: Emulated, Own: []string{"amd64"}}, "--run emulated: linux/amd64 is what this machine is; pass --platform for another architecture"},
		"--run emulated on macOS":               {mac, Wish{Kind: Emulated}, "--run emulated: QEMU runs Linux programs on Linux only, and this machine is darwin/arm64; pass --run container"},
		"--run container":                       {with("linux", "amd64", "docker"), Wish{Kind: Container}, "container, linux/amd64, by docker"},
		"--run container, none":                 {pc, Wish{Kind: Container}, "--run container: no container program is installed; install one of docker, podman"},
		"--run native":                          {with("darwin", "arm64", "docker"), Wish{Kind: Native}, "native, darwin/arm64, compiled for this machine: this is not the image"},
		"--run native, another":                 {mac, Wish{Kind: Native, Architecture: "amd64"}, "--run native: it compiles for this machine, darwin/arm64; leave out --platform"},
		"--run native, an image":                {mac, Wish{Kind: Native, Image: true}, "--run native: --image has no sources to compile"},
		"--run of nothing":                      {pc, Wish{Kind: "vm"}, `--run: "vm" is no way to run a function; pass one of direct, emulated, container or native`},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := choose(t.Context(), test.wish, test.machine)

			if err != nil {
				require.EqualError(t, err, test.says)
				return
			}
			assert.Equal(t, test.says, x.String())
		})
	}
}

package invoke

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// names are what QEMU calls the architectures.
var names = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// register tells the kernel to start programs of an architecture in QEMU, in a user namespace of
// this process and of those that it starts: a function starts others, such as ffmpeg. Nothing
// is left of it when they have ended. Linux has such registers since 6.7.
// https://docs.kernel.org/admin-guide/binfmt-misc.html
const register = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit 125
printf %s "$1" > /proc/sys/fs/binfmt_misc/register || exit 125
shift
exec "$@"`

// QEMU returns the static QEMU of this machine for an architecture, if a process can have the
// kernel use it. The error says what to install.
func QEMU(architecture string) (string, error) {
	name := names[architecture]
	const all = "let the kernel know QEMU: docker run --privileged --rm tonistiigi/binfmt --install "
	for _, program := range []string{"qemu-" + name + "-static", "qemu-" + name} {
		path, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = try(architecture, func(file string) *exec.Cmd {
			args := inQEMU(path, architecture, []string{file})
			return exec.CommandContext(ctx, args[0], args[1:]...)
		})
		if err == nil {
			return path, nil
		}
		return "", fmt.Errorf("%s is installed, but this system does not let a process use it (%w); %s%s", path, err, all, architecture)
	}
	return "", errors.New("QEMU is not installed; install Debian's qemu-user-static, or " + all + architecture)
}

// InQEMU returns an [Options.Via] that starts programs of an architecture in QEMU.
func InQEMU(qemu, architecture string) func(Process) Process {
	return func(p Process) Process {
		if p.Root != "" { // after the register is written, whose files the root of the function does not have
			p.Args = append([]string{"unshare", "--root=" + p.Root, "--wd=" + p.Dir}, p.Args...)
			p.Root, p.Dir = "", "/"
		}
		p.Args = inQEMU(qemu, architecture, p.Args)
		return p
	}
}

func inQEMU(qemu, architecture string, args []string) []string {
	return slices.Concat([]string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", register, "sh", entry(qemu, architecture)}, args)
}

// entry is the line of the register: programs whose first bytes are those of the smallest one,
// whatever its type, are started by qemu, which is opened now: the function's root does not have it.
func entry(qemu, architecture string) string {
	head := smallest(architecture)[:20] // to the machine
	var magic, mask strings.Builder
	for n, b := range head {
		m := 0xff
		switch n {
		case 7, 8: // the system, and its version
			m = 0
		case 16: // linked to an address or not: 2 or 3
			m = 0xfe
		}
		fmt.Fprintf(&magic, `\x%02x`, b)
		fmt.Fprintf(&mask, `\x%02x`, m)
	}
	return fmt.Sprintf(":ci-%s:M::%s:%s:%s:F", architecture, &magic, &mask, qemu)
}

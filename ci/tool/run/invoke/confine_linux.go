package invoke

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// devices are the devices that every container has: their minor numbers; the major is 1.
// https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices
var devices = map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}

// confine prepares root to be the root folder of a function: it creates the devices, as a
// container runtime does. It needs the right to do that, which the root user in a container
// may not have.
func confine(root string) error {
	if os.Geteuid() != 0 {
		return os.ErrPermission
	}
	dev := filepath.Join(root, "dev")
	if err := os.MkdirAll(dev, 0o755); err != nil {
		return err
	}
	for name, minor := range devices {
		file := filepath.Join(dev, name)
		err := unix.Mknod(file, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor)))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("create the device %s: %w", file, err)
		}
		if err := os.Chmod(file, 0o666); err != nil { // independent of the umask
			return err
		}
	}
	return nil
}

// chroot makes root the root folder of the command.
func chroot(cmd *exec.Cmd, root string) { cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root} }

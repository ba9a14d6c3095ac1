package invoke

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// devices are those that every container has, by minor number of the major 1.
// https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices
var devices = map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}

// makeDevices puts what a container runtime adds to an image below root. It needs
// the right to make devices, which root in a container may not have.
func makeDevices(root string) error {
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
			return fmt.Errorf("make the device %s: %w", file, err)
		}
		if err := os.Chmod(file, 0o666); err != nil { // whatever the umask is
			return err
		}
	}
	return nil
}

package invoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lambdas.internal/ci/tool/image"
)

// stopTimeout is how long a function has to end before it is killed.
const stopTimeout = 2 * time.Second

// Function is a running function.
type Function struct {
	started  time.Time
	confined bool
	server   *server
	cmd      *exec.Cmd
	exited   chan struct{} // closed when the process has ended
	err      error         // how it ended; read it only after exited is closed
	stop     context.CancelFunc
}

// Options say how a function is started.
type Options struct {
	// Name is the function's name in AWS.
	Name string
	// Image is the environment of the image's configuration, and Env is added to that and to
	// the environment that Lambda gives a function. Both are KEY=value.
	Image, Env []string
	// Memory is what Lambda grants, in MB; 0 for 1024.
	Memory int
	// Logs receives the output of the function.
	Logs io.Writer
	// Under returns the command line that runs a program, such as that of a debugger; nil to
	// run it directly. A debugger is no file of the image, so the function sees those of this
	// machine.
	Under func(program string) []string
}

// Start starts the bootstrap of the image that is unpacked in root. If this process has
// the right, root becomes the root folder of the function, so that it sees only the files
// of its image. Otherwise only its PATH starts with the folder of the image.
func Start(root string, o Options) (*Function, error) {
	f, err := start(root, o)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	return f, nil
}

func start(root string, o Options) (*Function, error) {
	s, err := newServer(o.Name)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	bootstrap, bin, task := "/"+image.BootstrapPath, "/usr/local/bin", "/var/task"
	confined := o.Under == nil && os.Geteuid() == 0 && makeDevices(root) == nil
	if !confined {
		bootstrap, bin, task = filepath.Join(root, bootstrap), filepath.Join(root, bin), filepath.Join(root, task)
	}
	line := []string{bootstrap}
	if o.Under != nil {
		line = o.Under(bootstrap)
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if confined {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		if err := network(root); err != nil {
			stop()
			return nil, errors.Join(err, s.close())
		}
	}
	cmd.Dir = task
	cmd.Stdout, cmd.Stderr = o.Logs, o.Logs
	cmd.Env = slices.Concat([]string{"PATH=" + bin + ":/usr/bin:/bin"}, ofImage(o.Image, confined), []string{
		"AWS_LAMBDA_RUNTIME_API=" + s.addr(),
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", cmp.Or(o.Memory, 1024)),
		"AWS_REGION=us-east-1",
		"LAMBDA_TASK_ROOT=" + task,
	}, o.Env)
	started := time.Now()
	if err := cmd.Start(); err != nil {
		stop()
		return nil, errors.Join(err, s.close())
	}
	f := &Function{started: started, confined: confined, server: s, cmd: cmd, exited: make(chan struct{}), stop: stop}
	go func() {
		if f.err = cmd.Wait(); f.err == nil {
			f.err = errors.New("exit status 0")
		}
		close(f.exited)
	}()
	return f, nil
}

// ofImage is the environment of the image. A function that is not confined sees the files of
// this machine, where the folders that it names mean another thing.
func ofImage(env []string, confined bool) []string {
	if confined {
		return env
	}
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "PATH" || name == "LD_LIBRARY_PATH" || strings.HasPrefix(name, "LAMBDA_")
	})
}

// network gives the function the names of this machine, as a container runtime does: a
// resolver and the names of hosts.
func network(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll("etc", 0o755); err != nil {
		return err
	}
	for _, name := range []string{"etc/resolv.conf", "etc/hosts"} {
		content, err := os.ReadFile("/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = root.Remove(name)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = root.WriteFile(name, content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// Invoke sends the function one event and waits for its answer, at most until the deadline
// of ctx. An error that the function reports is in the response.
func (f *Function) Invoke(ctx context.Context, event []byte) (Response, error) {
	ended, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-f.exited:
			cancel(fmt.Errorf("the function ended before it answered: %w", f.err))
		case <-ended.Done():
		}
	}()
	return f.server.invoke(ended, event)
}

// Ready waits until the function asks for its first event, at most until the deadline of
// ctx, and returns how long that took from its start: its init phase.
func (f *Function) Ready(ctx context.Context) (time.Duration, error) {
	select {
	case <-f.server.ready:
		return f.server.readyAt.Sub(f.started), nil
	case failed := <-f.server.initFailed:
		return 0, fmt.Errorf("the function did not start: %w", failed)
	case <-f.exited:
		return 0, fmt.Errorf("the function ended before it asked for an event: %w", f.err)
	case <-ctx.Done():
		return 0, fmt.Errorf("wait until the function asks for an event: %w", context.Cause(ctx))
	}
}

// PID is the ID of the function's process.
func (f *Function) PID() int { return f.cmd.Process.Pid }

// Confined tells whether the function sees only the files of its image.
func (f *Function) Confined() bool { return f.confined }

// Stop ends the function and waits until it has ended.
func (f *Function) Stop() error {
	f.stop()
	<-f.exited
	return f.server.close()
}

// devices are the devices that every container has: their minor numbers; the major is 1.
// https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices
var devices = map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}

// makeDevices creates the devices below root, as a container runtime does. It needs the
// right to create devices, which the root user in a container may not have.
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
			return fmt.Errorf("create the device %s: %w", file, err)
		}
		if err := os.Chmod(file, 0o666); err != nil { // independent of the umask
			return err
		}
	}
	return nil
}

// Once unpacks an image into a temporary folder, starts its binary and hands it one
// event. unpack returns the environment of the image.
func Once(ctx context.Context, unpack func(target string) (env []string, err error), event []byte, o Options) (r Response, err error) {
	root, err := os.MkdirTemp("", "ci-invoke-*")
	if err != nil {
		return r, fmt.Errorf("invoke %s: %w", o.Name, err)
	}
	defer os.RemoveAll(root)
	if o.Image, err = unpack(root); err != nil {
		return r, err
	}
	function, err := Start(root, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, function.Stop()) }()
	if r, err = function.Invoke(ctx, event); err != nil {
		return r, fmt.Errorf("invoke %s: %w", o.Name, err)
	}
	return r, nil
}

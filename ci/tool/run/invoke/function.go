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
	after    func() error
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
	// Open lets the function see the files of this machine, whatever the rights of this process.
	Open bool
	// Via starts the function through another program, such as an emulator; nil for none.
	Via func(Process) Process
}

// Process is what is started for a function.
type Process struct {
	// Args are the program and its arguments.
	Args []string
	Env  []string
	// Root is the root folder; "" for that of this machine. Dir is the working folder in it.
	Root, Dir string
	// After is called when the process has ended; nil for nothing.
	After func() error
}

// Start starts the bootstrap of the image that is unpacked in root. If this process has
// the right, root becomes the root folder of the function, so that it sees only the files
// of its image. Otherwise only its PATH starts with the folder of the image. Without a root,
// Options.Via starts the bootstrap where the image is.
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
	p, err := o.process(root, s.addr())
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	confined := p.Root != "" || root == ""
	if o.Via != nil {
		p = o.Via(p)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	cmd.Dir, cmd.Env = p.Dir, p.Env
	cmd.Stdout, cmd.Stderr = o.Logs, o.Logs
	if p.Root != "" {
		chroot(cmd, p.Root)
	}
	f := &Function{started: time.Now(), confined: confined, server: s, cmd: cmd, exited: make(chan struct{}), stop: stop, after: p.After}
	if err := cmd.Start(); err != nil {
		stop()
		return nil, errors.Join(err, f.clean())
	}
	go func() {
		if f.err = cmd.Wait(); f.err == nil {
			f.err = errors.New("exit status 0")
		}
		close(f.exited)
	}()
	return f, nil
}

// process returns the process of the bootstrap, with the Runtime API at an address.
func (o Options) process(root, api string) (Process, error) {
	p := Process{Args: []string{"/" + image.BootstrapPath}, Root: root, Dir: "/var/task"}
	bin, env := "/usr/local/bin", o.Image
	switch {
	case root == "":
		p.Dir = ""
	case !o.Open && confine(root) == nil:
		if err := network(root); err != nil {
			return p, err
		}
	default:
		inside := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
		p = Process{Args: []string{inside(p.Args[0])}, Dir: inside(p.Dir)}
		bin, env = inside(bin), elsewhere(env)
	}
	if root != "" { // a container has the PATH of its image
		p.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
	}
	p.Env = slices.Concat(p.Env, env, []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", cmp.Or(o.Memory, 1024)),
		"AWS_REGION=us-east-1",
		"LAMBDA_TASK_ROOT=" + cmp.Or(p.Dir, "/var/task"),
	}, o.Env)
	return p, nil
}

// elsewhere is the environment of an image for a function that is not confined: it sees the
// files of this machine, where the folders that the image names mean another thing.
func elsewhere(env []string) []string {
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
	return f.clean()
}

// clean removes what the process used.
func (f *Function) clean() error {
	err := f.server.close()
	if f.after != nil {
		err = errors.Join(f.after(), err)
	}
	return err
}

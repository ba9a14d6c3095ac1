package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/image"
)

// stopTimeout is how long a function has to end before it is killed.
const stopTimeout = 2 * time.Second

// Function is a running function.
type Function struct {
	server *server
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	err    error         // how it ended; read it only after exited is closed
	stop   context.CancelFunc
}

// Options say how a function is started.
type Options struct {
	// Name is the function's name in AWS.
	Name string
	// Env is added to the environment that Lambda gives a function, as KEY=value.
	Env []string
	// Logs receives the output of the function.
	Logs io.Writer
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
	confined := os.Geteuid() == 0 && makeDevices(root) == nil
	if !confined {
		bootstrap, bin, task = filepath.Join(root, bootstrap), filepath.Join(root, bin), filepath.Join(root, task)
	}
	cmd := exec.CommandContext(ctx, bootstrap)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if confined {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	}
	cmd.Dir = task
	cmd.Stdout, cmd.Stderr = o.Logs, o.Logs
	cmd.Env = append([]string{
		"PATH=" + bin + ":/usr/bin:/bin",
		"AWS_LAMBDA_RUNTIME_API=" + s.addr(),
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024",
		"AWS_REGION=us-east-1",
		"LAMBDA_TASK_ROOT=" + task,
	}, o.Env...)
	if err := cmd.Start(); err != nil {
		stop()
		return nil, errors.Join(err, s.close())
	}
	f := &Function{server: s, cmd: cmd, exited: make(chan struct{}), stop: stop}
	go func() {
		if f.err = cmd.Wait(); f.err == nil {
			f.err = errors.New("exit status 0")
		}
		close(f.exited)
	}()
	return f, nil
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

// Stop ends the function and waits until it has ended.
func (f *Function) Stop() error {
	f.stop()
	<-f.exited
	return f.server.close()
}

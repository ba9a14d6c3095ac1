// Package container runs images with the container program of this machine, by the command
// line that docker, podman, nerdctl, finch and Apple's container have in common.
package container

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Names are the programs, in the order in which they are tried. The last is Apple's.
var Names = []string{"docker", "podman", "nerdctl", "finch", apple}

const apple = "container"

// Host is this machine's name in a container that runs in a virtual machine. Browsers take
// every name below localhost for the machine they run on, so that a URL with it means the
// same on both sides.
const Host = "host.localhost"

// answerTimeout is how long a program may take to say that it works, or to remove something.
const answerTimeout = 20 * time.Second

// Program is a container program that answers.
type Program struct {
	Name string
	path string
	// virtual: its containers run in a virtual machine, so that 127.0.0.1 there is not this machine.
	virtual bool
}

// Find returns the first program that answers. An installed one whose daemon does not run
// is none.
func Find(ctx context.Context) (Program, error) {
	var silent []string
	for _, name := range Names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		p := Program{Name: name, path: path, virtual: runtime.GOOS != "linux"}
		if err := p.answers(ctx); err != nil {
			silent = append(silent, err.Error())
			continue
		}
		return p, nil
	}
	if len(silent) > 0 {
		return Program{}, fmt.Errorf("no container program answers: %s; start one", strings.Join(silent, "; "))
	}
	return Program{}, fmt.Errorf("no container program is installed; install one of %s", strings.Join(Names, ", "))
}

func (p Program) answers(ctx context.Context) error {
	if _, err := p.run(ctx, nil, "image", "ls"); err != nil {
		return err
	}
	if p.Name != apple {
		return nil
	}
	// https://github.com/apple/container/blob/main/docs/how-to.md#access-a-host-service-from-a-container
	domains, err := p.run(ctx, nil, "system", "dns", "list")
	if err == nil && !strings.Contains(domains, Host) {
		err = fmt.Errorf("%s does not know this machine by name; type once: sudo container system dns create %s --localhost 203.0.113.113", p.Name, Host)
	}
	return err
}

// run runs a command that ends soon and returns what it prints.
func (p Program) run(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	if stdin == nil { // an image may take long to read
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, answerTimeout)
		defer cancel()
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if said = said[strings.LastIndexByte(said, '\n')+1:]; said != "" { // warnings come first
			err = errors.New(said)
		}
		return "", fmt.Errorf("%s %s: %w", p.Name, strings.Join(args[:min(2, len(args))], " "), err)
	}
	return stdout.String(), nil
}

// Image is an image that a program has loaded for one run of bin/ci.
type Image struct {
	program  Program
	ref      string
	platform string
}

// Reference is a name for an image that no other run uses, and no user.
func Reference(name string) string {
	return "localhost/lambdas-ci/" + name + ":" + strings.ToLower(rand.Text()[:10])
}

// Load loads an OCI archive that holds the image ref for a platform; [Image.Remove] removes it.
func (p Program) Load(ctx context.Context, ref, platform string, archive func(io.Writer) error) (*Image, error) {
	i := &Image{p, ref, platform}
	if err := i.load(ctx, archive); err != nil {
		return nil, errors.Join(fmt.Errorf("load the image into %s: %w", p.Name, err), i.Remove())
	}
	return i, nil
}

func (i *Image) load(ctx context.Context, archive func(io.Writer) error) error {
	args := []string{"image", "load"}
	if i.foreign() && (i.program.Name == "nerdctl" || i.program.Name == "finch") {
		args = append(args, "--platform", i.platform)
	}
	if i.program.Name == apple { // reads a file only
		return i.loadFile(ctx, args, archive)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(archive(w)) }()
	_, err := i.program.run(ctx, r, args...)
	return errors.Join(err, r.Close())
}

func (i *Image) loadFile(ctx context.Context, args []string, archive func(io.Writer) error) error {
	dir, err := os.MkdirTemp("", "ci-container-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "image.tar"))
	if err != nil {
		return err
	}
	if err := errors.Join(archive(f), f.Close()); err != nil {
		return err
	}
	_, err = i.program.run(ctx, strings.NewReader(""), append(args, "--input", f.Name())...)
	return err
}

// foreign tells whether the image is for another architecture than this machine's.
func (i *Image) foreign() bool { return i.platform != "linux/"+runtime.GOARCH }

// Remove removes the image from the program.
func (i *Image) Remove() error {
	// After an interrupt too: the context of the run has ended then.
	if _, err := i.program.run(context.Background(), nil, "image", "rm", i.ref); err != nil && !missing(err) {
		return fmt.Errorf("remove the image; type `%s image rm %s`: %w", i.program.Name, i.ref, err)
	}
	return nil
}

// missing tells whether a program says that what it was to remove is not there.
func missing(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such") || strings.Contains(text, "not found") || strings.Contains(text, "not known")
}

// Container is a container that is started once.
type Container struct {
	// Args are the command line that runs it until it ends, and Env is the environment of that.
	Args, Env []string

	program Program
	name    string
}

// Command returns the container in which a program of the image runs with an environment.
func (i *Image) Command(program string, env []string) *Container {
	p := i.program
	c := &Container{program: p, name: "lambdas-ci-" + strings.ToLower(rand.Text()[:10])}
	c.Args = []string{p.path, "run", "--rm", "--name", c.name}
	if p.Name != apple {
		c.Args = append(c.Args, "--pull", "never")
	}
	switch {
	case !p.virtual:
		c.Args = append(c.Args, "--network", "host")
	case p.Name != apple:
		c.Args = append(c.Args, "--add-host", Host+":host-gateway")
	}
	if i.foreign() {
		c.Args = append(c.Args, "--platform", i.platform)
	}
	c.Env = os.Environ()
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		if p.virtual {
			value = ofHost(value)
		}
		if v = name + "=" + value; !setting(name) { // other users see a command line, but no environment
			c.Env = append(c.Env, v)
			v = name
		}
		c.Args = append(c.Args, "--env", v)
	}
	c.Args = append(c.Args, "--entrypoint", program, i.ref)
	return c
}

// ofHost is a value of the environment with the name by which a container knows this machine.
func ofHost(value string) string {
	for _, local := range []string{"127.0.0.1:", "localhost:"} {
		if strings.HasPrefix(value, local) {
			value = Host + ":" + strings.TrimPrefix(value, local)
		}
		value = strings.ReplaceAll(value, "//"+local, "//"+Host+":")
	}
	return value
}

// setting tells whether a container program itself reads a variable.
func setting(name string) bool {
	for _, prefix := range []string{"DOCKER_", "CONTAINER", "NERDCTL", "FINCH_", "XDG_", "BUILD", "LD_", "DYLD_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "PATH" || name == "HOME" || name == "TMPDIR"
}

// Remove ends the container and removes it.
func (c *Container) Remove() error {
	for _, args := range [][]string{{"kill", c.name}, {"rm", "--force", c.name}} {
		_, err := c.program.run(context.Background(), nil, args...)
		switch {
		case err == nil, args[0] == "kill": // it has ended, as it should
		case missing(err), strings.Contains(err.Error(), "already in progress"):
		default:
			return fmt.Errorf("remove the container; type `%s rm --force %s`: %w", c.program.Name, c.name, err)
		}
	}
	return nil
}

package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ready is how long a server may take until it answers.
const ready = 30 * time.Second

// errNotInstalled is returned for a server that is not on this machine.
var errNotInstalled = errors.New("it is not installed; run `make up` once, which installs it")

// process is a server in a process of its own.
type process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	output bytes.Buffer // to be read after ended is closed
}

// startProcess starts a server and waits until it answers at url.
func startProcess(ctx context.Context, url, program string, args ...string) (*process, error) {
	name := filepath.Base(program)
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, errNotInstalled)
	}
	p := &process{cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // it is always killed, so the error says nothing new
		close(p.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, ready)
	defer cancel()
	for {
		if answers(ctx, url) {
			return p, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("start %s: it ended before it answered\n%s", name, p.output.String())
		case <-ctx.Done():
			p.stop()
			return nil, fmt.Errorf("start %s: wait for its answer at %s: %w\n%s", name, url, ctx.Err(), p.output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill() // fails only if it has ended already
	<-p.ended
}

// answers tells whether the server answers at url without a server error.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Do(req)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode < http.StatusInternalServerError
}

// freeAddress returns a loopback address with a free port.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/endpoint"
)

// devInScript is the command "dev NAME EVENT FILE OLD NEW" of a script. It runs bin/ci dev, sends
// the function of an image the event in a file, and expects that a text in a source is in the
// answer. Then it saves the source with another text, which is to be in the next answers; then
// with one that does not compile, which the old code answers. After Ctrl-C nothing is left.
func devInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("dev NAME EVENT FILE OLD NEW")
	}
	image, event, file, before, after := args[0], ts.ReadFile(args[1]), ts.MkAbs(args[2]), args[3], args[4]
	self, err := os.Executable()
	ts.Check(err)
	cmd := exec.Command(self, "dev", "--offline", "--listen", "127.0.0.1:0", "--json")
	cmd.Args[0], cmd.Dir, cmd.Env = "ci", ts.MkAbs("."), os.Environ()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "HOME", "CI_CACHE", "TMPDIR", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var stdout, stderr testkit.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill() // it has ended, unless something failed
	check := func(err error) {
		if err != nil {
			ts.Fatalf("%v\n%s%s", err, &stdout, &stderr)
		}
	}
	var running dev.Running
	check(patiently(func() error { return json.Unmarshal([]byte(stdout.String()), &running) }))

	at := running.URL + "/2015-03-31/functions/" + image + "/invocations"
	answer, _, err := send(at, event)
	check(err)
	if !strings.Contains(answer, before) {
		check(fmt.Errorf("the answer is %s, without %q", answer, before))
	}
	source, err := os.ReadFile(file)
	ts.Check(err)
	defer func() { ts.Check(os.WriteFile(file, source, 0o644)) }()
	edited := strings.ReplaceAll(string(source), before, after)
	ts.Check(os.WriteFile(file, []byte(edited), 0o644))
	check(patiently(func() error {
		if answer, _, err = send(at, event); err == nil && !strings.Contains(answer, after) {
			err = fmt.Errorf("the answer is %s, without %q", answer, after)
		}
		return err
	}))
	ts.Check(os.WriteFile(file, []byte(edited+"\nfunc broken() { undefined() }\n"), 0o644))
	check(patiently(func() error {
		answer, header, err := send(at, event)
		if err == nil && (!strings.Contains(answer, after) || !strings.Contains(header.Get(endpoint.StaleHeader), "undefined: undefined")) {
			err = fmt.Errorf("the answer is %s with the headers %v", answer, header)
		}
		return err
	}))
	check(patiently(func() error { // the pipe may be slower than the answer
		if !strings.Contains(stderr.String(), "undefined: undefined") {
			return errors.New("the terminal does not have the error")
		}
		return nil
	}))
	check(cmd.Process.Signal(os.Interrupt))
	check(<-ended)
	u, err := url.Parse(running.URL)
	ts.Check(err)
	if c, err := net.Dial("tcp", u.Host); err == nil {
		ts.Check(c.Close())
		ts.Fatalf("it still listens at %s", u.Host)
	}
	if left, err := os.ReadDir(ts.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		ts.Fatalf("left in the temporary folder: %v %v", left, err)
	}
}

// patiently tries until there is no error, for a minute.
func patiently(try func() error) (err error) {
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}

// send sends a function an event.
func send(to, event string) (answer string, header http.Header, err error) {
	r, err := http.Post(to, "application/json", bytes.NewReader([]byte(event)))
	if err != nil {
		return "", nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), r.Header, err
}

// Command standin is a stand-in for AWS on this machine, for docs/TUTORIAL.md and for
// trying releases out. It serves a registry, which is the real server, and the parts of
// STS, ECR and Lambda that publish, plan, deploy, status and rollback call. Its Lambda
// runs no code: it only remembers which image each function has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func main() {
	root := flag.String("root", ".", "workspace whose functions exist in the stand-in")
	address := flag.String("address", "127.0.0.1", "address to listen at; another one, such as that of a bridge, for the containers of a Dagger engine")
	port := flag.Int("port", 5078, "port to listen at; 0 for a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, *root, *address, *port, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, root, address string, port int, out io.Writer) (err error) {
	c, err := catalog.Load(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stand-in-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w; is another one running? pass a free port: make stand-in ARGS=\"-port 0\"", err)
	}
	host, lambda := l.Addr().String(), lambdafake.Handler()
	server := &http.Server{Handler: newHandler(host, dir, lambda), ReadHeaderTimeout: time.Minute}
	defer func() { err = errors.Join(err, server.Close()) }()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	first, err := placeholder(ctx, host)
	if err != nil {
		return err
	}
	for _, f := range c.Functions {
		lambda.Add(f.Lambda, first)
	}

	file := filepath.Join(root, "dist", "stand-in.env")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(environment(host)), 0o644)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	fmt.Fprintf(out, `This is a stand-in for AWS, on this machine only. It runs no code, checks no signature
and no permission, and forgets everything when it ends.

registries  %[1]s (private) and %[1]s/public (public)
functions   %[2]s, one for each folder in functions/

In another terminal, in this folder: source dist/stand-in.env
That runs:

%[3]s
Serving until Ctrl-C.
`, host, report.Count(len(c.Functions), "Lambda function"), environment(host))

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// environment returns the lines that make a shell use the stand-in, and no account of the
// user.
func environment(host string) string {
	return fmt.Sprintf(`export AWS_ENDPOINT_URL=http://%[1]s AWS_REGION=%[2]s
export AWS_ACCESS_KEY_ID=stand-in AWS_SECRET_ACCESS_KEY=stand-in AWS_SESSION_TOKEN= AWS_PROFILE=
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export REGISTRY=%[1]s
`, host, lambdafake.Region)
}

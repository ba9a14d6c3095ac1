// Command ci builds the container images of this workspace's Lambda functions.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"lambdas.internal/ci/tool/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, report.OnTerminal(os.Stderr))
	stop()
	os.Exit(code)
}

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
	// The first signal lets a release or a publish end in order; the second one ends at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, report.OnTerminal(os.Stderr))
	stop()
	os.Exit(code)
}

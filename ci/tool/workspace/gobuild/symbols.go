package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// WithSymbols compiles the function into dir with the symbol table that [Compile]
// leaves out, and returns the file. Otherwise the program is the same.
func WithSymbols(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform, dir string) (string, error) {
	cmd := Command(ctx, c, []catalog.Function{f}, platform, dir)
	const before = 1 + 1 // go build
	// The last -ldflags counts; -w leaves out what only debuggers need.
	cmd.Args = slices.Insert(cmd.Args, before+len(flags), "-ldflags=-w")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return "", &CompileError{Function: f, Output: complaint(string(out))}
	case err != nil:
		return "", fmt.Errorf("run go build: %w", err)
	}
	return output(dir, f), nil
}

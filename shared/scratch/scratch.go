// Package scratch gives an invocation a folder for its temporary files. Lambda keeps
// /tmp between invocations, so files that are not removed would fill it up.
package scratch

import (
	"context"
	"log/slog"
	"os"

	"lambdas.internal/shared/fault"
)

// New makes a folder in the system's temporary folder. The caller must always call
// remove, which deletes the folder and everything in it.
func New(ctx context.Context, name string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", name+"-")
	if err != nil {
		return "", nil, fault.New(fault.Internal, "make a temporary folder: %w", err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			slog.WarnContext(ctx, "temporary files not removed", "error", err.Error())
		}
	}, nil
}

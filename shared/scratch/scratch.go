// Package scratch gives an invocation a folder for its temporary files. Lambda
// keeps /tmp between invocations, so what is not removed fills it up.
package scratch

import (
	"context"
	"log/slog"
	"os"

	"lambdas.internal/shared/fault"
)

// New makes a folder below the system's temporary one. Remove deletes it with all
// that is in it; call it whatever happens.
func New(ctx context.Context, name string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", name+"-")
	if err != nil {
		return "", nil, fault.New(fault.Internal, "make a temporary folder: %w", err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			slog.WarnContext(ctx, "temporary files left", "error", err.Error())
		}
	}, nil
}

//go:build !steps

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// run runs the function at its stage.
func (f *stageFlags) run(_ context.Context, _ *app, _ *cobra.Command, _ *buildFlags) error {
	return errors.New("not there yet")
}

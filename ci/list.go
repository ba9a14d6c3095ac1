package main

import (
	"context"
	"slices"
)

// List shows the functions, their images and where each is published.
func (m *Ci) List(ctx context.Context) (string, error) {
	return m.run(m.step(m.golang()), "list").Stdout(ctx)
}

// platformArgs are args and the flag that says what to build for.
func (m *Ci) platformArgs(args ...string) []string {
	return slices.Concat(args, []string{"--platform", string(m.Platform)})
}

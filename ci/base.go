package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Base returns the image that all images start from, as an OCI image layout.
func (m *Ci) Base(ctx context.Context) (*dagger.Directory, error) {
	step, err := done(ctx, m.base())
	if err != nil {
		return nil, err
	}
	return step.Directory("/base"), nil
}

func (m *Ci) base() *dagger.Container {
	args := slices.Concat(m.platformArgs("base", "--out", "/base"), optional("--base", m.BaseRef))
	return m.run(asked(m.step(m.golang(), m.described()), m.BaseRef), args...)
}

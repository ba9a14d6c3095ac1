package main

import (
	"context"
	"slices"
	"time"

	"lambdas.internal/ci/internal/dagger"
)

// A command of the program that acts on AWS is one short function here: its flags,
// and release. Such a function is never cached, and neither is its step.

// release runs one command on the built images, with the AWS credentials as secret
// variables that no other step has, and returns what it printed. It runs each time
// it is called.
func (m *Ci) release(ctx context.Context, only []string, args ...string) (string, error) {
	step := m.step(m.Builder(), m.Source).
		WithFile(toolPath, m.program()).
		WithMountedDirectory("/dist", m.assemble("/dist", only).Directory("/dist")).
		WithEnvVariable("AWS_REGION", m.Region)
	for _, credential := range []struct {
		name   string
		secret *dagger.Secret
	}{
		{"AWS_ACCESS_KEY_ID", m.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", m.SecretAccessKey},
		{"AWS_SESSION_TOKEN", m.SessionToken},
	} {
		if credential.secret != nil {
			step = step.WithSecretVariable(credential.name, credential.secret)
		}
	}
	args = slices.Concat(m.platformArgs(args...), []string{"--from", "/dist"}, named(only))
	return output(ctx, m.run(always(step), args...))
}

// registries are the flags that say where images are published.
func (m *Ci) registries(private, public string) []string {
	return slices.Concat(
		optional("--account", m.Account), optional("--public-alias", m.PublicAlias),
		optional("--private-registry", private), optional("--public-registry", public))
}

// always makes what follows run each time, whatever the engine has cached: it
// acts on the world outside, or asks it.
func always(in *dagger.Container) *dagger.Container {
	return in.WithEnvVariable("CI_CALLED_AT", time.Now().UTC().Format(time.RFC3339Nano))
}

// flags returns the flags that are set.
func flags(wanted map[string]bool) (args []string) {
	for name, set := range wanted {
		if set {
			args = append(args, name)
		}
	}
	slices.Sort(args)
	return args
}

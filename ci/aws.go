package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/internal/dagger"
)

// A command of the program that acts on AWS is one short function of the module: its
// flags, and a call of act, or of release if it needs the built images. Neither the
// function nor its step is cached.

// act runs one command and returns what it printed.
func (m *Ci) act(ctx context.Context, source *dagger.Directory, args ...string) (string, error) {
	return output(ctx, m.run(m.aws(m.step(m.golang(), source)), args...))
}

// release runs one command on the built images and returns what it printed.
func (m *Ci) release(ctx context.Context, in *dagger.Container, only []string, args ...string) (string, error) {
	args = slices.Concat(m.platformArgs(args...), []string{"--from", layout}, named(only))
	return output(ctx, m.run(m.aws(in), args...))
}

// aws returns the step with the whole program and the AWS credentials. The credentials
// are secret variables that no other step has. The step runs each time it is called.
func (m *Ci) aws(step *dagger.Container) *dagger.Container {
	step = step.
		WithFile(toolPath, m.program()).
		WithEnvVariable("AWS_REGION", strings.Split(m.Region, ",")[0])
	if m.EndpointURL != "" {
		step = step.WithEnvVariable("AWS_ENDPOINT_URL", m.EndpointURL)
	}
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
	return always(step)
}

// regions returns the flag that names several regions. One is a variable.
func (m *Ci) regions() []string {
	if !strings.Contains(m.Region, ",") {
		return nil
	}
	return []string{"--region", m.Region}
}

// private and public return the flags that name the registries.
func (m *Ci) private() []string {
	return slices.Concat(optional("--account", m.Account), optional("--private-registry", m.PrivateRegistry), m.regions())
}

func (m *Ci) public() []string {
	return slices.Concat(optional("--public-alias", m.PublicAlias), optional("--public-registry", m.PublicRegistry))
}

// always makes the next step run each time, even if the engine has its result in the
// cache: the step reads or changes something outside the engine.
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

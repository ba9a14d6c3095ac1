package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// Invoke runs an image under the Lambda emulator of its base, sends it one event and prints the answer.
//
// +cache="never"
func (m *Ci) Invoke(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
	// File with the event (default: testdata/event.json of the function).
	//
	// +optional
	event *dagger.File,
	// Environment variable of the function, KEY=value; may be given again. It is no place for secrets.
	//
	// +optional
	variable []string,
	// How long the function may run, such as 10s (default: 1m).
	//
	// +optional
	timeout string,
	// Call the deployed function instead of building one.
	//
	// +optional
	remote bool,
	// Version or alias of the deployed function to call (default: $LATEST); needs remote.
	//
	// +optional
	qualifier string,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	args := slices.Concat([]string{"invoke", "--name", name}, optional("--timeout", timeout), optional("--qualifier", qualifier),
		flags(map[string]bool{"--remote": remote, "--json": asJSON}))
	in := m.step(m.golang(), source)
	if event != nil {
		in = in.WithMountedFile("/event.json", event)
		args = append(args, "--event", "/event.json")
	}
	if remote {
		return output(ctx, m.run(m.aws(in), append(args, m.regions()...)...))
	}
	if m.BaseRef == static {
		return "", errors.New("the static base has no emulator; run `bin/ci invoke --name " + name + "` instead")
	}
	image, err := m.Image(ctx, source, name)
	if err != nil {
		return "", err
	}
	if image, err = withVariables(image, variable); err != nil {
		return "", err
	}
	const host = "function"
	function := image.WithExposedPort(8080).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
	args = append(args, "--emulator", "http://"+host+":8080")
	return output(ctx, m.run(always(in.WithServiceBinding(host, function)), args...))
}

// withVariables returns the container with environment variables, each KEY=value.
func withVariables(in *dagger.Container, variables []string) (*dagger.Container, error) {
	for _, variable := range variables {
		name, value, ok := strings.Cut(variable, "=")
		if !ok {
			return nil, fmt.Errorf("--variable: %q has no value, and the engine does not see your environment; write %s=value", variable, name)
		}
		in = in.WithEnvVariable(name, value)
	}
	return in, nil
}

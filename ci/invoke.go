package main

import (
	"context"
	"errors"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Invoke runs an image under the Lambda emulator of its base, sends it one event and prints the answer.
//
// +cache="never"
func (m *Ci) Invoke(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
	// File with the event (default: testdata/event.json of the function).
	//
	// +optional
	event *dagger.File,
) (string, error) {
	if m.BaseRef == "static" {
		return "", errors.New("the static base has no emulator; run `bin/ci invoke --name " + name + "` instead")
	}
	const host = "function"
	image, err := m.Image(ctx, source, name)
	if err != nil {
		return "", err
	}
	function := image.WithExposedPort(8080).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
	args := []string{"invoke", "--name", name, "--emulator", "http://" + host + ":8080"}
	in := m.step(m.golang(), source).WithServiceBinding(host, function)
	if event != nil {
		in = in.WithMountedFile("/event.json", event)
		args = slices.Concat(args, []string{"--event", "/event.json"})
	}
	return output(ctx, m.run(always(in), args...))
}

package main

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

// notInDagger are flags of the program that the functions of the Dagger module do not have.
var notInDagger = map[string]string{
	"help": "", "region": "New", "account": "New", "base": "New", "ffmpeg": "New", "platform": "New",
	"private-registry": "New", "public-alias": "New", "public-registry": "New",
	// A function returns a File, Directory or Container, which can be exported.
	"out": "export", "svg": "cost-picture", "layout": "image",
	// The images are built in the same call, and the engine keeps them.
	"from": "built", "offline": "the engine's", "local": "a folder of this machine", "image": "a container of its own",
	"mirror": "ci/images.lock.json", "parallel": "the program's default", "port": "with --local", "serve": "with --local",
	// This is how the steps of the module call the program.
	"base-layout": "step", "ffmpeg-layer": "step", "binaries": "step", "emulator": "step", "no-fallback": "step", "listen": "up", "s3-listen": "up",
	// Dagger's command line has this flag itself.
	"env": "variable",
	// What is saved is on this machine.
	"up --watch": "",
	// What is published is text, and images are a folder.
	"images --commit": "published", "images --format": "published", "images --published": "published",
	// In the engine, an image runs in a container of its own.
	"invoke --run": "engine", "coldstart --run": "engine", "up --run": "engine",
	"publish --signing-config": "keyless is for a run with an identity, which the engine does not have", "publish --disclose-signer": "keyless",
}

// A user who knows one way in knows the other.
func TestThisRepositoryDaggerModuleHasTheFlagsOfTheProgram(t *testing.T) {
	t.Parallel()
	functions := moduleFunctions(t)["Ci"]
	for _, cmd := range newRoot().Commands() {
		if slices.Contains([]string{"completion", "dev", "help", "iam", "init", "lock", "new", "registry", "remove", "rename", "version"}, cmd.Name()) {
			continue // they work on the checkout itself, or write a file beside it
		}
		function, ok := functions[cmd.Name()]
		if !assert.True(t, ok, "the module has no function %s", cmd.Name()) {
			continue
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			_, everywhere := notInDagger[f.Name]
			_, here := notInDagger[cmd.Name()+" --"+f.Name]
			if !everywhere && !here {
				assert.Contains(t, function.flags, f.Name, "%s --%s", cmd.Name(), f.Name)
			}
		})
	}
}

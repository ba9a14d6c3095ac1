package workflows

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lambdas.internal/ci/tool/internal/testkit"
)

// buildspec is a build specification. It has all keys that CodeBuild knows and we use.
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html
type buildspec struct {
	Version string `yaml:"version"`
	RunAs   string `yaml:"run-as"`
	Env     struct {
		Shell         string            `yaml:"shell"`
		Variables     map[string]string `yaml:"variables"`
		Parameters    map[string]string `yaml:"parameter-store"`
		Exported      []string          `yaml:"exported-variables"`
		Secrets       map[string]string `yaml:"secrets-manager"`
		GitCredential string            `yaml:"git-credential-helper"`
	} `yaml:"env"`
	Batch struct {
		FastFail bool `yaml:"fast-fail"`
		List     []struct {
			Identifier    string `yaml:"identifier"`
			Buildspec     string `yaml:"buildspec"`
			IgnoreFailure bool   `yaml:"ignore-failure"`
			Env           struct {
				ComputeType string            `yaml:"compute-type"`
				Image       string            `yaml:"image"`
				Privileged  bool              `yaml:"privileged-mode"`
				Type        string            `yaml:"type"`
				Variables   map[string]string `yaml:"variables"`
			} `yaml:"env"`
		} `yaml:"build-list"`
	} `yaml:"batch"`
	Phases struct {
		Install  phase `yaml:"install"`
		PreBuild phase `yaml:"pre_build"`
		Build    phase `yaml:"build"`
		Post     phase `yaml:"post_build"`
	} `yaml:"phases"`
	Reports   map[string]any `yaml:"reports"`
	Artifacts map[string]any `yaml:"artifacts"`
	Cache     struct {
		Key          string   `yaml:"key"`
		FallbackKeys []string `yaml:"fallback-keys"`
		Action       string   `yaml:"action"`
		Paths        []string `yaml:"paths"`
	} `yaml:"cache"`
}

type phase struct {
	RunAs     string            `yaml:"run-as"`
	OnFailure string            `yaml:"on-failure"`
	Runtimes  map[string]string `yaml:"runtime-versions"`
	Commands  []string          `yaml:"commands"`
	Finally   []string          `yaml:"finally"`
}

// readBuildspec fails if CodeBuild would refuse or ignore a part of the specification.
func readBuildspec(data []byte) (*buildspec, error) {
	var b buildspec
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&b); err != nil {
		return nil, err
	}
	if b.Version != "0.2" {
		return nil, fmt.Errorf("version: %q is not 0.2, with which all commands run in one shell", b.Version)
	}
	for name, p := range map[string]phase{"pre_build": b.Phases.PreBuild, "build": b.Phases.Build, "post_build": b.Phases.Post} {
		if p.Runtimes != nil {
			return nil, fmt.Errorf("%s: runtime-versions belong to install", name)
		}
	}
	if len(b.Phases.Build.Commands) == 0 {
		return nil, errors.New("phases: build has no command")
	}
	variables := []map[string]string{b.Env.Variables}
	for _, build := range b.Batch.List {
		variables = append(variables, build.Env.Variables)
	}
	for _, set := range variables {
		for name := range set {
			if strings.HasPrefix(name, "CODEBUILD_") {
				return nil, fmt.Errorf("variables: %s: names with CODEBUILD_ are CodeBuild's own", name)
			}
		}
	}
	return &b, nil
}

func TestBuildspec(t *testing.T) {
	data := testkit.Source(t, root, "ci/buildspec.yml")
	b, err := readBuildspec(data)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"DOOR": "tool", "RELEASE": "no"}, b.Env.Variables, "the defaults need no privilege and change nothing")
	privileged := map[string]bool{}
	for _, build := range b.Batch.List {
		assert.Equal(t, map[string]string{"DOOR": build.Identifier}, build.Env.Variables)
		privileged[build.Identifier] = build.Env.Privileged
	}
	assert.Equal(t, map[string]bool{"tool": false, "dagger": true}, privileged)
	for _, p := range []phase{b.Phases.Install, b.Phases.Build} {
		for _, c := range p.Commands {
			if strings.Contains(c, "publish") || strings.Contains(c, "deploy") || strings.Contains(c, "credentials") {
				assert.Contains(t, c, `[ "$RELEASE" = yes ]`, "only a release changes AWS")
			}
			if strings.Contains(c, "ci/engine.sh") || strings.Contains(c, "dagger call") {
				assert.Regexp(t, `"\$DOOR" = dagger|\$\{SET:-\}`, c, "bin/ci needs no Docker")
			}
		}
	}
	// The state is saved before the credentials are exported.
	build := strings.Join(b.Phases.Build.Commands, "\n")
	assert.Less(t, strings.Index(build, "engine.sh save"), strings.Index(build, "export-credentials"))

	for name, change := range map[string][2]string{
		"a key that is none":            {"phases:\n", "phase:\n"},
		"a phase that is none":          {"  build:\n", "  built:\n"},
		"a key of a phase that is none": {"    commands:", "    command:"},
		"a key of a build that is none": {"privileged-mode", "privileged"},
		"another version":               {"version: 0.2", "version: 0.1"},
		"a variable of CodeBuild's own": {"    RELEASE: 'no'", "    CODEBUILD_RELEASE: 'no'"},
		"a phase twice":                 {"cache:\n", "phases:\n  build:\n    commands:\n      - ls\ncache:\n"},
		"no build":                      {"  build:\n    commands:", "  build:\n    finally:"},
		"a runtime at the wrong time":   {"  build:\n", "  build:\n    runtime-versions:\n      golang: latest\n"},
	} {
		require.Contains(t, string(data), change[0], name)
		_, err := readBuildspec([]byte(strings.Replace(string(data), change[0], change[1], 1)))
		assert.Error(t, err, name)
	}
}

package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambdas.internal/ci/internal/dagger"
)

func TestWhatActsOnTheWorldRunsEachTime(t *testing.T) {
	acting := []string{"Invoke", "Coldstart", "Publish", "Plan", "Deploy", "Rollback", "Status", "Diff", "Provenance", "Published", "Report", "Retention", "Verify", "Vulncheck"}
	published := []string{"cost-published", "sbom-published"} // other invocations of these methods only build
	for _, i := range invocations {
		s := i.made(t)
		if got := strings.Contains(s.document(), `"NOW"`); got != (slices.Contains(acting, i.method) || slices.Contains(published, i.name)) {
			t.Errorf("%s: runs each time: %t", i.name, got)
		}
	}
	s := open(t, inputs)
	in := always(dag.Container())
	id, err := in.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if calls := s.calls(string(id)); calls[len(calls)-1].name != "withEnvVariable" {
		t.Errorf("%v", calls)
	}
}

// Only a command that acts on AWS gets the credentials.
func TestOnlyTheActingCommandHasCredentials(t *testing.T) {
	for _, i := range invocations {
		s := i.made(t)
		execs(s, func(before []call, args []any) {
			var got []any
			for _, c := range before {
				if c.name == "withSecretVariable" {
					got = append(got, c.args["name"], c.args["secret"])
				}
			}
			var want []any
			// These ask AWS only with a flag.
			asked := map[any]string{"coldstart": "--since", "cost": "--published", "sbom": "--commit", "invoke": "--remote", "images": "--published", "vulncheck": "--published"}
			if flag, ok := asked[args[1]]; ok && slices.Contains(args, any(flag)) || len(args) > 1 && slices.Contains([]any{"publish", "plan", "deploy", "rollback", "status", "diff", "provenance", "report", "retention", "verify"}, args[1]) {
				want = []any{"AWS_ACCESS_KEY_ID", "key", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "token"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v runs with the secrets %v", i.name, args, got)
			}
		})
	}
}

// The module holds secrets as *dagger.Secret, which go to containers as secret
// variables or mounts. No query that it sends may have one in plain text.
func TestNoSecretIsSentInClear(t *testing.T) {
	credential := regexp.MustCompile(`(?i)secret|token|passw|credential|access_?key|api_?key`)
	for _, i := range invocations {
		s := i.made(t)
		for _, id := range s.received {
			for _, f := range path(s.objects[id].query) {
				if f.Name == "setSecret" || f.Name == "plaintext" {
					t.Errorf("%s sends %s, which shows a secret", i.name, f.Name)
				}
				name := f.Arguments.ForName("name")
				if f.Name == "withEnvVariable" && name != nil && credential.MatchString(name.Value.Raw) {
					t.Errorf("%s sets %s as a plain variable", i.name, name.Value.Raw)
				}
			}
		}
	}
	secret := reflect.TypeFor[*dagger.Secret]()
	for method := range reflect.TypeFor[*Ci]().Methods() {
		for n := range method.Type.NumOut() {
			if method.Type.Out(n) == secret {
				t.Errorf("%s returns a secret", method.Name)
			}
		}
	}
	for n := range reflect.TypeFor[Ci]().NumField() {
		f := reflect.TypeFor[Ci]().Field(n)
		if credential.MatchString(f.Name) && f.Type != secret {
			t.Errorf("the field %s is a %s", f.Name, f.Type)
		}
	}
}

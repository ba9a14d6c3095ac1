package main

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
)

// lastLine matches how every failed publish ends.
var lastLine = regexp.MustCompile(`\nci: (nothing was published|no latest tag was moved|every latest tag was rolled back); ` +
	`(run the same command again to continue where it stopped|the same command fails again( until that is changed, and then continues where it stopped)?)\n$`)

// Whatever a publish fails of, its last line says whether the same command goes on.
func TestEveryFailedPublishSaysWhetherItGoesOn(t *testing.T) {
	t.Parallel()
	refuse := func(kind, method string) func(*testing.T, stand) []string {
		return func(_ *testing.T, s stand) []string {
			s.private.Fail(func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				if q.Kind == kind && q.Method == method {
					w.WriteHeader(http.StatusBadRequest)
					return true
				}
				return false
			})
			return nil
		}
	}
	const mend = "; the same command fails again until"
	for title, test := range map[string]struct {
		before func(*testing.T, stand) []string // returns more arguments
		want   string
	}{
		"the build": {func(t *testing.T, s stand) []string {
			return []string{"--root", publishable(t, map[string]string{"functions/beta/main.go": "package main\n\nfunc main() { gone() }\n"})}
		}, "nothing was published" + mend},
		"no AWS credentials": {func(_ *testing.T, s stand) []string {
			maps.Copy(s.environment, keyless)
			return nil
		}, mend},
		"a right is missing": {func(_ *testing.T, s stand) []string {
			s.aws.Fail("ecr.DescribeRepositories", awsfake.AccessDenied)
			return nil
		}, mend},
		"a repository is missing": {func(*testing.T, stand) []string { return []string{"--create-repositories=false"} }, mend},
		"an upload is refused":    {refuse("upload", http.MethodPost), "no latest tag was moved" + mend},
		"a tag is refused":        {refuse("manifest", http.MethodPut), "no latest tag was moved" + mend},
		"the registry cannot be read": {func(_ *testing.T, s stand) []string {
			s.private.RequirePassword(func(string) bool { return false })
			return nil
		}, "nothing was published" + mend},
	} {
		t.Run(title, func(t *testing.T) {
			s := newStand(t)
			more := test.before(t, s)
			got := s.publish(t, append([]string{"--commit", "aaaaaaa", "--create-repositories"}, more...)...)
			require.Equal(t, exitFailed, got.code, got.stderr)
			assert.Regexp(t, lastLine, got.stderr)
			assert.Contains(t, got.stderr, test.want)
			assert.Len(t, lastLine.FindAllString(got.stderr, -1), 1)
		})
	}
}

var keyless = environment{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}

// An interrupt is no fault: the same command goes on, and what was pushed by then stays.
func TestAnInterruptedPublish(t *testing.T) {
	for title, at := range map[string]struct{ kind, method, want string }{
		"before anything is sent":   {"manifest", http.MethodHead, "ci: interrupted\nci: nothing was published; run the same command again to continue where it stopped\n"},
		"while the images are sent": {"manifest", http.MethodPut, "no latest tag was moved; run the same command again to continue where it stopped\n"},
	} {
		t.Run(title, func(t *testing.T) {
			s := newStand(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.private.Fail(func(q registrytest.Request, _ http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				if q.Kind == at.kind && q.Method == at.method {
					cancel()
				}
				return false
			})
			for name, value := range s.environment {
				t.Setenv(name, value)
			}
			var stdout, stderr bytes.Buffer
			code := run(ctx, []string{"publish", "--offline", "--allow-dirty", "--commit", "aaaaaaa", "--create-repositories", "--private-registry", s.private.Host,
				"--public-registry", s.public.Host + "/alias", "--root", s.root, "--cache", kept()}, &stdout, &stderr)
			assert.Equal(t, exitFailed, code)
			assert.True(t, strings.HasSuffix(stderr.String(), at.want), stderr.String())
			assert.NotContains(t, stderr.String(), "nothing was changed")
			s.private.Fail(nil)
			got := s.publish(t, "--commit", "aaaaaaa", "--json")
			assert.Len(t, decode(t, got).Outcome.Moved, 3, "it goes on")
		})
	}
}

// Every verb that uses AWS says the same of credentials that cannot be used.
func TestLongEveryVerbSaysTheSameOfCredentials(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	for name, config := range map[string]struct{ profile, text, want string }{
		"none":          {"", "", "found no AWS credentials; log in with `aws sso login`"},
		"SSO":           {"corp", "[profile corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-central-1\nsso_account_id = 123456789012\nsso_role_name = publish\n", "log in again with `aws sso login --profile corp`, or set AWS_PROFILE to another profile"},
		"a program":     {"prog", "[profile prog]\ncredential_process = false\n", "the program in credential_process of the profile prog must print credentials"},
		"an MFA device": {"mfa", "[profile base]\naws_access_key_id = a\naws_secret_access_key = b\n[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n", "the profile mfa asks for an MFA code, and here is no terminal to type it on"},
	} {
		t.Run(name, func(t *testing.T) {
			aws := awsfake.Start(t)
			file := filepath.Join(t.TempDir(), "config")
			require.NoError(t, os.WriteFile(file, []byte(config.text), 0o600))
			require.NoError(t, os.MkdirAll(filepath.Join(root, "functions/alpha/testdata"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, "functions/alpha/testdata/event.json"), []byte("{}"), 0o600))
			here := with(aws).and(keyless).and(environment{"HOME": t.TempDir(), "AWS_PROFILE": config.profile, "AWS_CONFIG_FILE": file})
			for _, line := range []string{
				"publish --offline --allow-dirty --commit aaaaaaa --private-registry 127.0.0.1:1 --public-registry 127.0.0.1:1/alias", "deploy --commit aaaaaaa", "rollback --to aaaaaaa", "status", "retention", "cost --published",
				"sbom --name alpha --commit aaaaaaa", "provenance --name beta --commit aaaaaaa", "invoke --name alpha --remote",
			} {
				got := here.in(t, root, strings.Fields(line)...)
				assert.Equal(t, exitFailed, got.code, "%s: %s", line, got.stderr)
				assert.Contains(t, got.stderr, config.want, line)
			}
			assert.Empty(t, aws.Calls(""))
		})
	}
}

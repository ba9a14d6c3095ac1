package awsauth

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
)

// profiles makes AWS's configuration that of the text, with a profile base that has credentials.
// What the environment says of credentials is gone.
func profiles(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	base := "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = the-secret-key-that-nobody-may-see\n"
	require.NoError(t, os.WriteFile(file, []byte(base+text), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("HOME", t.TempDir()) // of the cache of SSO
}

func keyless(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
}

const mfa = "[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/publish\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"

// typed makes the console a terminal on which the text is typed.
func typed(t *testing.T, in io.Reader, terminal bool) (out *bytes.Buffer) {
	t.Helper()
	out = new(bytes.Buffer)
	before := console
	t.Cleanup(func() { console = before })
	console = func() (io.Reader, io.Writer, bool) { return in, out, terminal }
	return out
}

func TestAnMFACodeIsAskedForOnATerminal(t *testing.T) {
	for title, test := range map[string]struct{ typed, err string }{
		"the code":   {awsfake.Code + "\n", ""},
		"with space": {" " + awsfake.Code + " \r\n", ""},
		"a wrong one": {"000000\n", "MultiFactorAuthentication failed with invalid MFA one time pass code.; " +
			"wait for the next code of the device and run the same command again; each code is good for one use"},
		"none":        {"\n", "no MFA code was typed"},
		"end of file": {"", "no MFA code was typed"},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			keyless(t)
			profiles(t, mfa)
			t.Setenv("AWS_PROFILE", "mfa")
			out := typed(t, strings.NewReader(test.typed), true)
			s, err := New(t.Context(), "", routed(t, aws))
			require.NoError(t, err)
			err = s.Ready(t.Context())
			assert.Equal(t, "MFA code of arn:aws:iam::123456789012:mfa/me: ", out.String())
			if test.err != "" {
				require.ErrorContains(t, err, "get the AWS credentials: ")
				require.ErrorContains(t, err, test.err)
				assert.NotContains(t, err.Error(), "\n")
				return
			}
			require.NoError(t, err)
			_, err = s.Caller(t.Context())
			require.NoError(t, err)
			other := s.In("us-east-1")
			assert.Equal(t, "us-east-1", other.Region)
			assert.Same(t, s, s.In("eu-central-1"))
			_, err = other.ECR.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
			require.NoError(t, err)
			assert.Equal(t, "us-east-1", aws.Calls("ecr.GetAuthorizationToken")[0].Region)
			assert.Len(t, aws.Calls("sts.AssumeRole"), 1, "the code is asked for once, for all regions")
		})
	}
}

// Who waits at the question may leave it.
func TestAnInterruptEndsTheQuestion(t *testing.T) {
	awsfake.New(t)
	keyless(t)
	profiles(t, mfa)
	t.Setenv("AWS_PROFILE", "mfa")
	in, w := io.Pipe()
	defer w.Close()
	typed(t, in, true)
	s, err := New(t.Context(), "")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Ready(ctx), context.DeadlineExceeded)
}

// Each verb says the same of credentials that cannot be used, whatever it calls first.
func TestCredentialsThatCannotBeUsed(t *testing.T) {
	const sso = "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = publish\n[sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.example/start\n"
	for title, test := range map[string]struct {
		profile, config string
		fails           awsfake.Failure // of sts.AssumeRole
		want            []string
	}{
		"MFA without a terminal": {"mfa", mfa, awsfake.Failure{}, []string{"get the AWS credentials: the profile mfa asks for an MFA code, and here is no terminal to type it on; ",
			"eval \"$(aws configure export-credentials --profile mfa --format env)\"", "; or set AWS_PROFILE to a profile without mfa_serial"}},
		"SSO, never logged in": {"sso", sso, awsfake.Failure{}, []string{"get the AWS credentials: ", "; log in again with `aws sso login --profile sso`, or set AWS_PROFILE to another profile"}},
		"SSO, as it was once": {"old", "[profile old]\nsso_start_url = https://corp.example/start\nsso_region = eu-central-1\nsso_account_id = 123456789012\nsso_role_name = publish\n",
			awsfake.Failure{}, []string{"; log in again with `aws sso login --profile old`"}},
		"a program that fails":              {"prog", "[profile prog]\ncredential_process = false\n", awsfake.Failure{}, []string{"; the program in credential_process of the profile prog must print credentials: run it"}},
		"a program that prints no JSON":     {"prog", "[profile prog]\ncredential_process = echo hello\n", awsfake.Failure{}, []string{"; the program in credential_process of the profile prog must print credentials: run it"}},
		"a program whose session has ended": {"prog", "[profile prog]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"SessionToken\":\"c\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'\n", awsfake.Failure{}, nil},
		"`aws login`, never logged in":      {"login", "[profile login]\nlogin_session = arn:aws:iam::123456789012:user/me\n", awsfake.Failure{}, []string{"; log in again with `aws login --profile login`"}},
		"a role, expired": {"role", "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/publish\nsource_profile = base\n",
			awsfake.Failure{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"}, []string{"; the AWS credentials have expired; log in again, as with `aws sso login --profile role`"}},
		"a role, not allowed": {"role", "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/publish\nsource_profile = base\n",
			awsfake.Failure{Status: 403, Code: "AccessDenied", Message: "User: x is not authorized to perform: sts:AssumeRole"}, []string{"; this caller may not become the role: check role_arn of the profile role, and the trust policy of the role with docs/aws"}},
		"no such profile": {"gone", "", awsfake.Failure{}, []string{"read the AWS configuration: failed to get shared config profile, gone; set AWS_PROFILE to one of those that `aws configure list-profiles` prints"}},
		"none at all":     {"", "", awsfake.Failure{}, []string{"found no AWS credentials; log in with `aws sso login`"}},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			keyless(t)
			profiles(t, test.config)
			t.Setenv("AWS_PROFILE", test.profile)
			typed(t, nil, false)
			if test.fails.Status != 0 {
				aws.Fail("sts.AssumeRole", test.fails, test.fails)
			}
			s, err := New(t.Context(), "", routed(t, aws))
			if err == nil {
				err = s.Ready(t.Context())
			}
			if test.want == nil { // AWS decides
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "nobody-may-see")
			if s == nil {
				return
			}
			// The same from a call, if the credentials end while a command runs.
			_, call := s.ECR.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
			require.ErrorContains(t, call, test.want[len(test.want)-1])
		})
	}
}

func TestAConfigurationThatIsMalformed(t *testing.T) {
	awsfake.New(t)
	keyless(t)
	profiles(t, "[profile x\nrole_arn\n")
	t.Setenv("AWS_PROFILE", "x")
	s, err := New(t.Context(), "")
	if err == nil {
		err = s.Ready(t.Context())
	}
	require.ErrorContains(t, err, "; set AWS_PROFILE to one of those that `aws configure list-profiles` prints")
}

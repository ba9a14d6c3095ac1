package awsauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/reference"
)

func TestATokenIsGotOnceAndAgainBeforeItEnds(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got := 0
	tok := &token{registry: "ECR", now: func() time.Time { return clock }, get: func(context.Context) (string, time.Time, error) {
		got++
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "AWS:password-%d", got)), clock.Add(12 * time.Hour), nil
	}}
	steps := []struct {
		what     string
		pass     time.Duration
		expire   bool
		password string
	}{
		{"the first is got", 0, false, "password-1"},
		{"and used again", 11 * time.Hour, false, "password-1"},
		{"another before it ends", 51 * time.Minute, false, "password-2"},
		{"a registry refuses it at once, as it would any", time.Second, true, "password-2"},
		{"a registry refuses it later", time.Minute, true, "password-3"},
		{"several refuse it together", 0, true, "password-3"},
	}
	for _, step := range steps {
		clock = clock.Add(step.pass)
		if step.expire {
			tok.Expire()
		}
		auth, err := tok.Authorization()
		require.NoError(t, err)
		assert.Equal(t, &authn.AuthConfig{Username: "AWS", Password: step.password}, auth, step.what)
	}
}

func TestATokenThatIsNoneIsNotRepeated(t *testing.T) {
	tests := map[string]string{
		"not base64":      "!!! not-base64-secret",
		"another user":    base64.StdEncoding.EncodeToString([]byte("root:the-secret")),
		"no password":     base64.StdEncoding.EncodeToString([]byte("AWS:")),
		"no colon at all": base64.StdEncoding.EncodeToString([]byte("the-secret")),
	}
	for title, encoded := range tests {
		t.Run(title, func(t *testing.T) {
			tok := &token{registry: "ECR", now: time.Now, get: func(context.Context) (string, time.Time, error) { return encoded, time.Now(), nil }}
			_, err := tok.Authorization()
			require.ErrorContains(t, err, "get the login for ECR: AWS answered with a token that is not")
			assert.NotContains(t, err.Error(), "secret")
			assert.NotContains(t, err.Error(), encoded)
		})
	}
	failure := errors.New("no network")
	tok := &token{registry: "ECR", now: time.Now, get: func(context.Context) (string, time.Time, error) { return "", time.Time{}, failure }}
	_, err := tok.Authorization()
	require.ErrorIs(t, err, failure)
}

// The SDK's own limit lets a client repeat a hundred throttled calls and no more. With a
// thousand functions, more are throttled.
func TestManyThrottledCallsAreRepeated(t *testing.T) {
	awsfake.New(t)
	s, err := New(t.Context(), "")
	require.NoError(t, err)
	retryer := s.Config.Retryer()
	throttled := &types.TooManyRequestsException{}
	require.True(t, retryer.IsErrorRetryable(throttled))
	for range 1000 {
		_, err := retryer.GetRetryToken(t.Context(), throttled)
		require.NoError(t, err)
	}
}

// A user may want fewer attempts, or more.
func TestAttempts(t *testing.T) {
	for name, c := range map[string]struct {
		variable, profile string
		want              int
	}{
		"not said":                            {"", "", attempts},
		"in a variable":                       {"2", "", 2},
		"in the profile":                      {"", "max_attempts = 3", 3},
		"in a variable, and in the profile":   {"2", "max_attempts = 3", 2},
		"in a variable, more than by default": {"20", "", 20},
	} {
		t.Run(name, func(t *testing.T) {
			awsfake.New(t)
			file := filepath.Join(t.TempDir(), "config")
			require.NoError(t, os.WriteFile(file, []byte("[default]\n"+c.profile+"\n"), 0o600))
			t.Setenv("AWS_CONFIG_FILE", file)
			t.Setenv("AWS_MAX_ATTEMPTS", c.variable)
			s, err := New(t.Context(), "")
			require.NoError(t, err)
			assert.Equal(t, c.want, s.ECR.Options().Retryer.MaxAttempts())
			assert.Equal(t, c.want, s.In("us-east-1").ECR.Options().Retryer.MaxAttempts())
		})
	}
}

func TestSession(t *testing.T) {
	aws := awsfake.New(t)
	s, err := New(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, "eu-central-1", s.Region)
	account, err := s.Account(t.Context())
	require.NoError(t, err)
	assert.Equal(t, awsfake.Account, account)
	alias, err := s.Alias(t.Context())
	require.NoError(t, err)
	assert.Equal(t, awsfake.Alias, alias)

	keys := s.Keychain(reference.Hosts{Private: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Public: "public.ecr.aws/alias",
		Copies: []string{"123456789012.dkr.ecr.us-east-1.amazonaws.com"}})
	tests := map[string]string{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/x": "password-1-that-nobody-may-see",
		"public.ecr.aws/alias/x":                            "password-2-that-nobody-may-see",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/x":    "password-3-that-nobody-may-see",
		"public.ecr.aws/aliased/x":                          "", // another's: as Docker would
		"example.com/x":                                     "",
	}
	for _, at := range []string{"123456789012.dkr.ecr.eu-central-1.amazonaws.com/x", "public.ecr.aws/alias/x", "123456789012.dkr.ecr.us-east-1.amazonaws.com/x", "public.ecr.aws/aliased/x", "example.com/x"} {
		repo, err := name.NewRepository(at)
		require.NoError(t, err)
		auth, err := keys.Resolve(repo)
		require.NoError(t, err)
		login, err := auth.Authorization()
		require.NoError(t, err)
		assert.Equal(t, tests[at], login.Password, at)
	}

	aws.Fail("sts.GetCallerIdentity", awsfake.Failure{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"})
	_, err = s.Account(t.Context())
	require.ErrorContains(t, err, "find the AWS account: ")
	require.ErrorContains(t, err, "ExpiredToken")
	require.ErrorContains(t, err, "; the AWS credentials have expired; log in again")
	assert.NotContains(t, err.Error(), "--account")
	aws.Fail("sts.GetCallerIdentity", awsfake.Failure{Status: 403, Code: "AccessDenied", Message: "not authorized"})
	_, err = s.Account(t.Context())
	require.ErrorContains(t, err, "; the caller needs sts:GetCallerIdentity: compare its policy with docs/aws; or pass --account")

	t.Setenv("AWS_REGION", "")
	_, err = New(t.Context(), "")
	require.ErrorIs(t, err, ErrRegion)
	s, err = New(t.Context(), "us-west-2")
	require.NoError(t, err)
	assert.Equal(t, "us-west-2", s.Region)
}

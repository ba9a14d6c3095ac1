package awsauth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/term"

	"lambdas.internal/ci/tool/report"
)

// ErrCredentials is returned if the machine has no AWS credentials.
var ErrCredentials = errors.New("found no AWS credentials; log in with `aws sso login` or `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID")

// Ready fails if there are no AWS credentials, or they cannot be used. So each command says the
// same, whatever it calls first, and asks for an MFA code before it begins.
func (s *Session) Ready(ctx context.Context) error {
	if _, err := s.Config.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return credentialErrorOf(err)
	}
	return nil
}

// credentialError is the error of a call that failed because of the credentials; nil for any other.
func credentialError(err error) error {
	if !strings.Contains(err.Error(), "get identity: get credentials: ") { // the SDK has no type for it
		return nil
	}
	return credentialErrorOf(err)
}

// credentialErrorOf is the error of credentials that cannot be used, with the way to others.
func credentialErrorOf(err error) error {
	var sso *ssocreds.InvalidTokenError
	var process *processcreds.ProviderError
	var answer smithy.APIError
	var send *smithyhttp.RequestSendError
	advice := ""
	switch text := err.Error(); {
	case strings.Contains(text, "IMDS"): // the last place to look at
		return fmt.Errorf("%w (%w)", ErrCredentials, report.InLine(err))
	case errors.As(err, &send):
		advice = unanswered
	case errors.As(err, &sso), strings.Contains(text, "SSO"):
		advice = "log in again with `aws sso login" + profileFlag() + "`, or set AWS_PROFILE to another profile"
	case strings.Contains(text, "reauthenticate"): // of the credentials of `aws login`
		advice = "log in again with `aws login" + profileFlag() + "`, or set AWS_PROFILE to another profile"
	case errors.As(err, &process):
		advice = "the program in credential_process of " + profile() + " must print credentials: run it, and log in where it asks for it; or set AWS_PROFILE to another profile"
	case errors.As(err, &answer):
		var passing bool
		if advice, passing = adviceOf("sts", "AssumeRole", answer); passing {
			return &Error{fmt.Errorf("get the AWS credentials: %w", err), advice, passing}
		}
		if strings.Contains(answer.ErrorMessage(), "MultiFactorAuthentication") {
			advice = "wait for the next code of the device and run the same command again; each code is good for one use"
		} else if strings.HasPrefix(advice, "the caller needs ") {
			advice = "this caller may not become the role: check role_arn of " + profile() + ", and the trust policy of the role with docs/aws"
		}
	default:
		advice = logIn()
	}
	return &Error{fmt.Errorf("get the AWS credentials: %w", err), advice, false}
}

// configError adds to an error of AWS's configuration what to do about it.
func configError(err error) error {
	var noCode config.AssumeRoleTokenProviderNotSetError
	var noProfile config.SharedConfigProfileNotExistError
	var file config.SharedConfigLoadError
	switch {
	case errors.As(err, &noCode):
		// https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html
		return fmt.Errorf("get the AWS credentials: %s asks for an MFA code, and here is no terminal to type it on; "+
			"where there is one, get the credentials with eval \"$(aws configure export-credentials%s --format env)\"; "+
			"or set AWS_PROFILE to a profile without mfa_serial", profile(), profileFlag())
	case errors.As(err, &noProfile):
		return &Error{fmt.Errorf("read the AWS configuration: %w", err), "set AWS_PROFILE to one of those that `aws configure list-profiles` prints", false}
	case errors.As(err, &file):
		return &Error{fmt.Errorf("read the AWS configuration: %w", err), "repair that file, or set AWS_CONFIG_FILE to another", false}
	default:
		return &Error{fmt.Errorf("read the AWS configuration: %w", err), "repair " + profile() + ", or set AWS_PROFILE to another profile", false}
	}
}

// logIn is the way to new credentials, for each kind.
func logIn() string {
	return "log in again, as with `aws sso login" + profileFlag() + "`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID to others"
}

func profile() string {
	if name := os.Getenv("AWS_PROFILE"); name != "" {
		return "the profile " + name
	}
	return "the profile default"
}

func profileFlag() string {
	if name := os.Getenv("AWS_PROFILE"); name != "" {
		return " --profile " + name
	}
	return ""
}

// console is where a code is asked for. It is a variable for tests.
var console = func() (in io.Reader, out io.Writer, ok bool) {
	return os.Stdin, os.Stderr, term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}

// withCode makes a role that asks for an MFA code get it from the terminal, if there is one.
// Standard output is for results only.
func withCode(o *stscreds.AssumeRoleOptions) {
	in, out, ok := console()
	if !ok || o.SerialNumber == nil {
		return
	}
	o.TokenProvider = func() (string, error) {
		fmt.Fprintf(out, "MFA code of %s: ", *o.SerialNumber)
		code, err := bufio.NewReader(in).ReadString('\n')
		if code = strings.TrimSpace(code); code == "" {
			return "", errors.Join(errors.New("no MFA code was typed"), err)
		}
		return code, nil
	}
}

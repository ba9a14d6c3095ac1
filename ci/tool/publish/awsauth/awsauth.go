// Package awsauth logs in to AWS and to its registries. It reads AWS credentials as every
// AWS tool does, and gets one token per run for ECR in the region and one for ECR Public.
package awsauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-containerregistry/pkg/authn"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

// publicRegion is the region of the API of ECR Public, wherever the images are used.
// https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
const publicRegion = "us-east-1"

// attempts and longest limit how calls that AWS throttles are retried. With a thousand
// functions, a fourth of the calls may be throttled: Lambda answers 15 calls a second.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	attempts = 10
	longest  = 20 * time.Second
)

// ErrRegion is returned if no region is set.
var ErrRegion = errors.New("no AWS region is set; pass --region, or set AWS_REGION")

// Session is the configuration and the clients that all calls of one run share.
type Session struct {
	// Config is for calls in the region of the functions, and Region its name.
	Config aws.Config
	Region string
	// ECR and Public are the clients of the registries.
	ECR    *ecr.Client
	Public *ecrpublic.Client
}

// New reads the configuration as every AWS tool does: environment, files, roles,
// AWS_ENDPOINT_URL. region, if set, overrides the configured one.
func New(ctx context.Context, region string, options ...func(*config.LoadOptions) error) (*Session, error) {
	options = append([]func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = attempts, longest
				o.RateLimiter = ratelimit.None // no limit for all calls together; it is made for servers
			})
		}),
	}, options...)
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	options = append(options, config.WithAssumeRoleCredentialOptions(withCode), config.WithAPIOptions([]func(*middleware.Stack) error{inLine}))
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, configError(err)
	}
	if c.Region == "" {
		return nil, ErrRegion
	}
	c.RetryMaxAttempts = maxAttempts(ctx, c.ConfigSources)
	return sessionOf(c), nil
}

// maxAttempts is AWS_MAX_ATTEMPTS, or max_attempts of the profile: the SDK reads them only for a retryer of
// its own. 0 if neither is set.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
func maxAttempts(ctx context.Context, sources []any) int {
	for _, source := range sources {
		if s, ok := source.(interface {
			GetRetryMaxAttempts(ctx context.Context) (int, bool, error)
		}); ok {
			if n, found, err := s.GetRetryMaxAttempts(ctx); err == nil && found {
				return n
			}
		}
	}
	return 0
}

func sessionOf(c aws.Config) *Session {
	return &Session{
		Config: c, Region: c.Region,
		ECR:    ecr.NewFromConfig(c),
		Public: ecrpublic.NewFromConfig(c, func(o *ecrpublic.Options) { o.Region = publicRegion }),
	}
}

// In returns a session in another region, with the same credentials: nothing logs in again, or asks
// for a code again.
func (s *Session) In(region string) *Session {
	if region == "" || region == s.Region {
		return s
	}
	c := s.Config.Copy()
	c.Region = region
	return sessionOf(c)
}

// inLine makes each error of a service one line, with what to do about it.
func inLine(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("inLine",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if err != nil {
				err = advise(ctx, err)
			}
			return out, metadata, err
		}), middleware.After) // where the context has the name of the service
}

// Account returns the account of the credentials.
func (s *Session) Account(ctx context.Context) (string, error) {
	who, err := sts.NewFromConfig(s.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("find the AWS account: %w%s", err, orPass(err, "--account"))
	}
	return aws.ToString(who.Account), nil
}

// orPass names the flag with which a caller does not need a right.
func orPass(err error, flag string) string {
	var answer smithy.APIError
	if errors.As(err, &answer) && slices.Contains(denied, answer.ErrorCode()) {
		return "; or pass " + flag
	}
	return ""
}

// Alias returns the account's primary alias at ECR Public.
func (s *Session) Alias(ctx context.Context) (string, error) {
	found, err := s.Public.DescribeRegistries(ctx, &ecrpublic.DescribeRegistriesInput{})
	if err != nil {
		return "", fmt.Errorf("find the alias at ECR Public: %w%s", err, orPass(err, "--public-alias"))
	}
	for _, r := range found.Registries {
		for _, a := range r.Aliases {
			if a.PrimaryRegistryAlias {
				return aws.ToString(a.Name), nil
			}
		}
	}
	return "", errors.New("find the alias at ECR Public: the account has none; pass --public-alias")
}

// Keychain returns the logins for the registries at the hosts: a token of AWS if AWS runs
// the registry, or if the registry and AWS are stand-ins on this machine. All other
// registries use Docker's logins.
func (s *Session) Keychain(h reference.Hosts) authn.Keychain {
	public := &token{registry: "ECR Public", now: time.Now, get: func(ctx context.Context) (string, time.Time, error) {
		out, err := s.Public.GetAuthorizationToken(ctx, &ecrpublic.GetAuthorizationTokenInput{})
		if err != nil {
			return "", time.Time{}, err
		}
		if out.AuthorizationData == nil {
			return "", time.Time{}, errors.New("AWS answered without a token")
		}
		return aws.ToString(out.AuthorizationData.AuthorizationToken), aws.ToTime(out.AuthorizationData.ExpiresAt), nil
	}}
	all := keychain{{h.Public, public, s.publicHost}, {h.Private, s.privateToken(), s.privateHost}}
	for _, copied := range h.Copies {
		there := s.In(reference.RegionOf(copied))
		all = append(all, login{copied, there.privateToken(), there.privateHost})
	}
	// If one registry is below the path of the other, its own login is found first.
	slices.SortStableFunc(all, func(a, b login) int { return len(b.registry) - len(a.registry) })
	return all
}

// privateToken is the login for ECR in the region.
func (s *Session) privateToken() *token {
	return &token{registry: "ECR in " + s.Region, now: time.Now, get: func(ctx context.Context) (string, time.Time, error) {
		out, err := s.ECR.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
		if err != nil {
			return "", time.Time{}, err
		}
		if len(out.AuthorizationData) == 0 {
			return "", time.Time{}, errors.New("AWS answered without a token")
		}
		d := out.AuthorizationData[0]
		return aws.ToString(d.AuthorizationToken), aws.ToTime(d.ExpiresAt), nil
	}}
}

// keychain has a login for each registry.
type keychain []login

type login struct {
	registry string // host[:port][/path]
	auth     *token
	belongs  func(host string) (bool, error)
}

// Resolve returns the login for a repository.
func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	at := slices.IndexFunc(k, func(l login) bool { return r.String() == l.registry || strings.HasPrefix(r.String(), l.registry+"/") })
	if at < 0 {
		return registry.Logins.Resolve(r)
	}
	belongs, err := k[at].belongs(r.RegistryStr())
	if err != nil {
		return nil, err
	}
	if !belongs {
		return registry.Logins.Resolve(r)
	}
	return k[at].auth, nil
}

// Caller is the owner of the AWS credentials.
type Caller struct {
	Account string
	// ARN names the user, or the role and session.
	ARN string
}

// Caller returns the owner of the AWS credentials.
func (s *Session) Caller(ctx context.Context) (Caller, error) {
	who, err := sts.NewFromConfig(s.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, fmt.Errorf("find the owner of the AWS credentials: %w", err)
	}
	return Caller{aws.ToString(who.Account), aws.ToString(who.Arn)}, nil
}

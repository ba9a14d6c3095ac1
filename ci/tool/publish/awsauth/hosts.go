package awsauth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lambdas.internal/ci/tool/publish/reference"
)

// publicHosts are the names of ECR Public: the usual one, and that for IPv6 too.
// https://docs.aws.amazon.com/AmazonECR/latest/public/public-ecr-requests.html
var publicHosts = []string{reference.PublicHost, "ecr-public.aws.com"}

// CheckHosts fails if a registry of AWS is named for what it is not, or in a spelling that
// gets no token.
func CheckHosts(h reference.Hosts) error {
	for _, named := range []struct {
		flag, registry string
		public         bool
	}{{"--private-registry", h.Private, false}, {"--public-registry", h.Public, true}} {
		host, _, _ := strings.Cut(named.registry, "/")
		plain, _, _ := strings.Cut(strings.ToLower(host), ":")
		plain = strings.TrimSuffix(plain, ".")
		_, private := reference.ParseECR(plain)
		public := slices.Contains(publicHosts, plain)
		switch {
		case (private || public) && host != plain:
			return fmt.Errorf("%s: %q is a name of AWS in another spelling; write %s", named.flag, host, plain)
		case public && !named.public:
			return fmt.Errorf("%s: %q is ECR Public, where everyone can read; pass ACCOUNT.dkr.ecr.REGION.amazonaws.com, or leave it out for your account's", named.flag, named.registry)
		case public && named.registry == host:
			return fmt.Errorf("%s: %q is without the alias of an account; write %s/ALIAS, or leave it out for your account's", named.flag, host, host)
		case private && named.public:
			return fmt.Errorf("%s: %q is a private registry of ECR; pass %s/ALIAS, or leave it out for your account's", named.flag, named.registry, reference.PublicHost)
		}
	}
	return nil
}

// Runs returns the registries that AWS runs, without those that it does not.
func (s *Session) Runs(h reference.Hosts) (reference.Hosts, error) {
	host := func(registry string) string { host, _, _ := strings.Cut(registry, "/"); return host }
	private, err := s.privateHost(host(h.Private))
	if err != nil {
		return reference.Hosts{}, fmt.Errorf("use the private registry %s: %w", h.Private, err)
	}
	if !private {
		h.Private = ""
	}
	if public, _ := s.publicHost(host(h.Public)); !public {
		h.Public = ""
	}
	return h, nil
}

// privateHost tells whether ECR's token belongs to the registry at the host. The token is that
// of the caller, not of an account: whether it may read another account's registry, that
// account decides. It is of one region.
func (s *Session) privateHost(host string) (bool, error) {
	if reference.Loopback(host) {
		return standIn(s.ECR.Options().BaseEndpoint), nil
	}
	e, ok := reference.ParseECR(host)
	if !ok {
		return false, nil
	}
	if e.Region != s.Region {
		return false, fmt.Errorf("it is in %s, and the AWS region is %s; pass --region %[1]s", e.Region, s.Region)
	}
	return true, nil
}

// publicHost tells whether ECR Public's token belongs to the registry at the host.
func (s *Session) publicHost(host string) (bool, error) {
	return slices.Contains(publicHosts, host) || reference.Loopback(host) && standIn(s.Public.Options().BaseEndpoint), nil
}

// standIn tells whether a service of AWS is a stand-in on this machine.
func standIn(endpoint *string) bool {
	_, host, _ := strings.Cut(aws.ToString(endpoint), "://")
	return reference.Loopback(host)
}

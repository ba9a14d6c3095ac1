package reference

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// PublicHost is the host of ECR Public.
const PublicHost = "public.ecr.aws"

// ecrHost matches the registries of ECR, of all partitions: by their name, their FIPS name
// and their dual-stack name.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
var ecrHost = regexp.MustCompile(`^([0-9]{12})\.(?:dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.` +
	`(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)` +
	`|dkr-ecr(?:-fips)?\.([a-z0-9-]+)\.on\.(aws|amazonwebservices\.com\.cn))$`)

// ECR is a private registry of ECR.
type ECR struct {
	Account, Region string
	domain          string
}

// ParseECR reads the name of a private registry of ECR, or of a repository in one. It is exact,
// because a token of AWS goes to what it accepts.
func ParseECR(registry string) (ECR, bool) {
	host, _, _ := strings.Cut(registry, "/")
	m := ecrHost.FindStringSubmatch(host)
	if m == nil {
		return ECR{}, false
	}
	domain := m[3]
	switch m[5] {
	case "aws":
		domain = "amazonaws.com"
	case "amazonwebservices.com.cn":
		domain = "amazonaws.com.cn"
	}
	return ECR{Account: m[1], Region: m[2] + m[4], domain: domain}, true
}

// RegionOf returns the region of a registry of ECR or of a repository in one, or "".
func RegionOf(registry string) string {
	e, _ := ParseECR(registry)
	return e.Region
}

// ForLambda names a repository as Lambda accepts it: by the name of its registry that is not for
// FIPS and not dual-stack.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
func ForLambda(repository string) string {
	e, ok := ParseECR(repository)
	if !ok {
		return repository
	}
	_, name, _ := strings.Cut(repository, "/")
	return fmt.Sprintf("%s.dkr.ecr.%s.%s/%s", e.Account, e.Region, e.domain, name)
}

// Loopback tells whether a host, or the registry of a repository, is on this machine.
func Loopback(repository string) bool {
	u, err := url.Parse("//" + repository)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// RepositoryName returns the name of a repository as the APIs of ECR expect it: without its
// registry, for ECR Public also without the alias. A namespace is part of it.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
func RepositoryName(tier catalog.Registry, repository string) string {
	_, name, _ := strings.Cut(repository, "/")
	if _, below, ok := strings.Cut(name, "/"); ok && tier == catalog.Public {
		return below
	}
	return name
}

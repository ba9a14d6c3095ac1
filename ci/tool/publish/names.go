// Package publish publishes images: it says which tag of which repository is to
// name what, compares that with what the registries hold, and makes it so. What
// people see, the latest tags, changes last and all together or not at all.
package publish

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// The repositories, by what they are called before the variant.
const (
	privatePrefix = "ai-social-media-lambda-"
	publicPrefix  = "lambda-"
)

// PublicHost is where ECR Public is.
const PublicHost = "public.ecr.aws"

// LiveSuffix ends the tag of what a function runs, LatestSuffix that of what was
// published last.
const (
	LiveSuffix   = "-live"
	LatestSuffix = "-latest"
)

// Hosts are where the repositories are: registry, or registry/path.
type Hosts struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

// PrivateHost returns the registry of an account in a region.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func PrivateHost(account, region string) string {
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return fmt.Sprintf("%s.dkr.ecr.%s.%s", account, region, domain)
}

// Check fails when a host is not one that images can be pushed to.
func (h Hosts) Check() error {
	for flag, host := range map[string]string{"--private-registry": h.Private, "--public-registry": h.Public} {
		if _, err := name.NewRepository(host + "/" + publicPrefix + string(catalog.Light)); err != nil || host == "" || strings.Contains(host, "://") {
			return fmt.Errorf("%s: %q is not a registry; name host[:port][/path]", flag, host)
		}
	}
	return nil
}

// Loopback tells whether the registry of a repository, or a host, is on this
// machine.
func Loopback(repository string) bool {
	u, err := url.Parse("//" + repository)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Item is one image in one repository.
type Item struct {
	Image string `json:"image"`
	// Tier is the registry that the repository belongs to.
	Tier       catalog.Registry `json:"registry"`
	Repository string           `json:"repository"`
	// DeployCopy is true for a public image in a private repository: Lambda takes
	// images from nowhere else.
	DeployCopy bool `json:"deployCopy,omitempty"`
	// CommitTag names the image for good, LatestTag until the next is published.
	CommitTag string `json:"tag"`
	LatestTag string `json:"latest"`
}

// Repositories names the repositories of a variant at the hosts.
func (h Hosts) repository(tier catalog.Registry, v catalog.Variant) string {
	if tier == catalog.Public {
		return h.Public + "/" + publicPrefix + string(v)
	}
	return h.Private + "/" + privatePrefix + string(v)
}

// RepositoryName returns the repository without the registry; at ECR Public also
// without the alias, as its API wants it.
func RepositoryName(tier catalog.Registry, v catalog.Variant) string {
	return strings.TrimPrefix(Hosts{}.repository(tier, v), "/")
}

// Items returns where the images of the functions go: each to the registry of its
// function, and a public one also to the private repository of its variant.
func Items(functions []catalog.Function, h Hosts, commit string) []Item {
	var items []Item
	for _, f := range functions {
		tiers := []catalog.Registry{f.Registry}
		if f.Registry == catalog.Public {
			tiers = append(tiers, catalog.Private)
		}
		for _, tier := range tiers {
			items = append(items, Item{
				Image: f.Image, Tier: tier, Repository: h.repository(tier, f.Variant),
				DeployCopy: tier != f.Registry,
				CommitTag:  f.Image + "-" + commit, LatestTag: f.Image + LatestSuffix,
			})
		}
	}
	return items
}

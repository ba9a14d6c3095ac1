// Package publish pushes images to registries. It decides which repository and tags each
// image goes to, compares that with what is in the registries, and sends only what is
// missing. The latest tags are moved last: all of them, or none.
package publish

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// The names of the repositories, up to the variant.
const (
	privatePrefix = "ai-social-media-lambda-"
	publicPrefix  = "lambda-"
)

// PublicHost is the host of ECR Public.
const PublicHost = "public.ecr.aws"

// LiveSuffix is the end of the tags of an image that a function runs: see [LiveTag]. LatestSuffix
// is that of the image that was published last.
const (
	LiveSuffix   = "-live"
	LatestSuffix = "-latest"
)

// Hosts are the registries of the repositories, each as registry or registry/path.
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

// Check fails if a host is not the name of a registry.
func (h Hosts) Check() error {
	for flag, host := range map[string]string{"--private-registry": h.Private, "--public-registry": h.Public} {
		if _, err := name.NewRepository(host + "/" + publicPrefix + string(catalog.Light)); err != nil || host == "" || strings.Contains(host, "://") {
			return fmt.Errorf("%s: %q is not the name of a registry; write host[:port][/path]", flag, host)
		}
	}
	return nil
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

// Item is one image in one repository.
type Item struct {
	Image string `json:"image"`
	// Tier is the registry that the repository belongs to.
	Tier       catalog.Registry `json:"registry"`
	Repository string           `json:"repository"`
	// DeployCopy is true for the copy of a public image in a private repository. Lambda
	// accepts images only from private repositories.
	DeployCopy bool `json:"deployCopy,omitempty"`
	// CommitTag always names this image, LatestTag only until the next one is published.
	CommitTag string `json:"tag"`
	LatestTag string `json:"latest"`
}

// repository returns the name of the repository of a variant, with its registry.
func (h Hosts) repository(tier catalog.Registry, v catalog.Variant) string {
	if tier == catalog.Public {
		return h.Public + "/" + publicPrefix + string(v)
	}
	return h.Private + "/" + privatePrefix + string(v)
}

// RepositoryName returns the name of a repository without its registry. For ECR Public it
// is also without the alias, as the API of ECR Public expects it.
func RepositoryName(tier catalog.Registry, v catalog.Variant) string {
	return strings.TrimPrefix(Hosts{}.repository(tier, v), "/")
}

// Items returns where the images of the functions go: each to the registry of its
// function, and a public one also, as a deploy copy, to the private repository of its
// variant.
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

// Where names the item's repository, as tables show it.
func (i Item) Where() string {
	if i.DeployCopy {
		return i.Repository + " (deploy copy)"
	}
	return i.Repository
}

// PrivateItems returns where Lambda gets the images of the functions from: one item
// in a private repository for each function.
func PrivateItems(functions []catalog.Function, h Hosts, commit string) []Item {
	return slices.DeleteFunc(Items(functions, h, commit), func(i Item) bool { return i.Tier != catalog.Private })
}

// PrivateRepositories names the private repositories of the functions, that of the
// light images first.
func PrivateRepositories(functions []catalog.Function, h Hosts) []string {
	var names []string
	for _, v := range []catalog.Variant{catalog.Light, catalog.Heavy} {
		if slices.ContainsFunc(functions, func(f catalog.Function) bool { return f.Variant == v }) {
			names = append(names, h.repository(catalog.Private, v))
		}
	}
	return names
}

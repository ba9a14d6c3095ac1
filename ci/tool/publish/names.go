// Package publish pushes images to registries. It decides which repository and tags each
// image goes to, compares that with what is in the registries, and sends only what is
// missing. The latest tags are moved last: all of them, or none.
package publish

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// PublicHost is the host of ECR Public.
const PublicHost = "public.ecr.aws"

// LiveSuffix is the end of the tags of an image that a function runs: see [LiveTag].
const LiveSuffix = "-live"

// Hosts are the registries of the repositories, each as registry or registry/path.
type Hosts struct {
	Private string `json:"private"`
	// Copies are the private registries of the other regions, in the order of release: Lambda
	// takes an image only from a registry of its own region. Private is that of the first region.
	Copies []string `json:"copies,omitempty"`
	Public string   `json:"public"`
	// Names are those of the repositories, and Tags the patterns of tags; the zero values have
	// the default ones.
	Names catalog.Repositories `json:"-"`
	Tags  catalog.Tags         `json:"-"`
}

// Of returns the hosts with the names and the patterns of a pipeline.
func (h Hosts) Of(p catalog.Pipeline) Hosts {
	h.Names, h.Tags = p.Repositories, p.Tags
	return h
}

// Privates are the private registries of all regions.
func (h Hosts) Privates() []string { return append([]string{h.Private}, h.Copies...) }

// Only returns the hosts of one region: those with that private registry alone.
func (h Hosts) Only(private string) Hosts {
	h.Private, h.Copies = private, nil
	return h
}

// Regions returns the hosts of each region. The public registry is the same for all.
func (h Hosts) Regions() (all []Hosts) {
	for _, private := range h.Privates() {
		all = append(all, h.Only(private))
	}
	return all
}

// Check fails if a host is not the name of a registry.
func (h Hosts) Check() error {
	for flag, host := range map[string]string{"--private-registry": h.Private, "--public-registry": h.Public} {
		if _, err := name.NewRepository(host + "/x"); err != nil || host == "" || strings.Contains(host, "://") {
			return fmt.Errorf("%s: %q is not the name of a registry; write host[:port][/path]", flag, host)
		}
	}
	return nil
}

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

// Item is one image in one repository.
type Item struct {
	Image string `json:"image"`
	// Tier is the registry that the repository belongs to.
	Tier       catalog.Registry `json:"registry"`
	Repository string           `json:"repository"`
	// DeployCopy is true for the copy of a public image in a private repository. Lambda
	// accepts images only from private repositories.
	DeployCopy bool `json:"deployCopy,omitempty"`
	// From is the repository of another region from which the registry copies images by itself.
	From string `json:"replicatedFrom,omitempty"`
	// CommitTag always names this image, LatestTag only until the next one is published.
	CommitTag string `json:"tag"`
	LatestTag string `json:"latest"`
}

// Repository returns the name of the repository of a variant, with its registry.
func (h Hosts) Repository(tier catalog.Registry, v catalog.Variant) string {
	host := h.Private
	if tier == catalog.Public {
		host = h.Public
	}
	return host + "/" + h.Names.Name(tier, v)
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

// Items returns where the images of the functions go: each to the registry of its
// function, and a public one also, as a deploy copy, to the private repository of its
// variant. In each region there is a private registry.
func Items(functions []catalog.Function, h Hosts, commit string) []Item {
	var items []Item
	for _, f := range functions {
		add := func(tier catalog.Registry, h Hosts) {
			items = append(items, Item{
				Image: f.Image, Tier: tier, Repository: h.Repository(tier, f.Variant),
				DeployCopy: tier != f.Registry,
				CommitTag:  h.Tags.OfCommit(f.Image, commit), LatestTag: h.Tags.OfLatest(f.Image),
			})
		}
		if f.Registry == catalog.Public {
			add(catalog.Public, h)
		}
		for _, region := range h.Regions() {
			add(catalog.Private, region)
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

// PrivateItems returns where Lambda gets the images of the functions from in the first region: one
// item in a private repository for each function.
func PrivateItems(functions []catalog.Function, h Hosts, commit string) []Item {
	return slices.DeleteFunc(Items(functions, h.Only(h.Private), commit), func(i Item) bool { return i.Tier != catalog.Private })
}

// PrivateRepositories names the private repositories of the functions in the first region, that of
// the light images first.
func PrivateRepositories(functions []catalog.Function, h Hosts) []string {
	var names []string
	for _, v := range []catalog.Variant{catalog.Light, catalog.Heavy} {
		if slices.ContainsFunc(functions, func(f catalog.Function) bool { return f.Variant == v }) {
			names = append(names, h.Repository(catalog.Private, v))
		}
	}
	return names
}

// Package reference says where images go: it knows the names of the registries and of their
// repositories, and the tags of the images in them. It reaches no registry.
package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"lambdas.internal/ci/tool/workspace/catalog"
)

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

// Repository returns the name of the repository of a variant, with its registry.
func (h Hosts) Repository(tier catalog.Registry, v catalog.Variant) string {
	host := h.Private
	if tier == catalog.Public {
		host = h.Public
	}
	return host + "/" + h.Names.Name(tier, v)
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

package reference

import (
	"slices"

	"lambdas.internal/ci/tool/workspace/catalog"
)

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

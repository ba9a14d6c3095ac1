package publish

import (
	"slices"

	"lambdas.internal/ci/tool/workspace/catalog"
)

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

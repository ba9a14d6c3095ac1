package cost

import (
	"cmp"
	"strconv"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Layout is a way to store the images.
type Layout struct {
	Name string `json:"name"`
	// About explains the layout in a few words.
	About   string  `json:"about"`
	Private Storage `json:"private"`
	Public  Storage `json:"public"`
	Dollars float64 `json:"dollarsPerMonth"`
}

// The names of layouts that other packages use.
const (
	PerFunction   = "one repository per function"
	NothingShared = "nothing shared"
)

// place is an image in a repository.
type place struct {
	tier       catalog.Registry
	region     string
	repository string
	image      Image
}

// layouts compares the repositories with other ways to store their images.
func layouts(repositories []Repository, p Prices) []Layout {
	var all []place
	for _, r := range repositories {
		for _, i := range r.Images {
			all = append(all, place{r.Tier, r.Region, r.Name, i})
		}
	}
	// rearranged returns the places for which change returns true, as change left them.
	rearranged := func(change func(*place) bool) []place {
		var out []place
		for _, pl := range all {
			if change(&pl) {
				out = append(out, pl)
			}
		}
		return out
	}
	variants, first := map[string]string{}, "" // the first region has what would be private too
	for _, r := range repositories {
		variants[r.Name], first = string(r.Variant), cmp.Or(first, r.Region)
	}
	whole := 0 // a number for each image, as the name of its own repository
	return []Layout{
		newLayout("as published", "a repository per registry and variant, deploy copies counted", all, p),
		newLayout("no deploy copies", "if Lambda accepted images from the public registry", rearranged(func(pl *place) bool {
			return !pl.image.DeployCopy
		}), p),
		newLayout("all private", "no public registry", rearranged(func(pl *place) bool {
			pl.tier, pl.region, pl.repository = catalog.Private, cmp.Or(pl.region, first), variants[pl.repository]
			return true
		}), p),
		// A private registry stores this much if the account turns on blob mounting,
		// which shares layers between repositories.
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
		newLayout("one repository per registry", "light and heavy together, as with ECR's blob mounting in a private registry", rearranged(func(pl *place) bool {
			pl.repository = ""
			return true
		}), p),
		newLayout(PerFunction, "in each registry", rearranged(func(pl *place) bool {
			pl.repository = pl.image.Name
			return true
		}), p),
		newLayout(NothingShared, "every version of every image whole", rearranged(func(pl *place) bool {
			whole++
			pl.repository = strconv.Itoa(whole)
			return true
		}), p),
	}
}

// newLayout measures the places.
func newLayout(name, about string, places []place, p Prices) Layout {
	l := Layout{Name: name, About: about}
	type stored struct {
		tier       catalog.Registry
		region     string
		repository string
		blob       key
	}
	seen := map[stored]bool{}
	for _, pl := range places {
		for _, b := range pl.image.Blobs {
			s := stored{pl.tier, pl.region, pl.repository, b.key()}
			if seen[s] {
				continue
			}
			seen[s] = true
			if pl.tier == catalog.Public {
				l.Public.Bytes += b.Size
			} else {
				l.Private.Bytes += b.Size
			}
		}
	}
	l.Private.Dollars, l.Public.Dollars = p.Private.month(l.Private.Bytes), p.Public.month(l.Public.Bytes)
	l.Dollars = l.Private.Dollars + l.Public.Dollars
	return l
}

package cost

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Report says what the repositories store and what it costs.
type Report struct {
	// Source says what was measured: an image layout, or registries.
	Source string `json:"source"`
	// Versions is how many versions of each image were modelled; 0 if the repositories
	// were measured.
	Versions     int                `json:"modelledVersions,omitempty"`
	Repositories []RepositoryReport `json:"repositories"`
	Private      Storage            `json:"private"`
	Public       Storage            `json:"public"`
	// Dollars is the price per month of everything that can be pulled.
	Dollars float64 `json:"dollarsPerMonth"`
	// Archived is what the private repositories have in the archive class, and its price.
	Archived *ArchivedStorage `json:"archived,omitempty"`
	// Layouts compares other ways to store the same images; the first is the measured one.
	Layouts []Layout `json:"layouts"`
	Prices  Prices   `json:"prices"`
	// Offline names the images that are built on the small base for builds without a
	// registry, not on the pinned one.
	Offline []string `json:"offline,omitempty"`
	// NotRead says which regions could not be measured, and why.
	NotRead []string `json:"notRead,omitempty"`
}

// Storage is the storage of one or more repositories.
type Storage struct {
	Bytes   int64   `json:"bytes"`
	Dollars float64 `json:"dollarsPerMonth"`
}

// ArchivedStorage is storage in the archive class.
type ArchivedStorage struct {
	Archived
	Dollars float64 `json:"dollarsPerMonth"`
}

// RepositoryReport says what one repository stores.
type RepositoryReport struct {
	// Region is set if the repositories of several regions were measured.
	Region  string           `json:"region,omitempty"`
	Name    string           `json:"name"`
	Tier    catalog.Registry `json:"registry"`
	Variant catalog.Variant  `json:"variant"`
	// Storage is that of the unique layers. The dollars of a repository are its share of
	// what the registry costs above the free amount.
	Storage
	// Whole is the sum of the images in bytes, if no two shared a layer.
	Whole int64 `json:"bytesWithoutSharing"`
	// Versions is the number of images.
	Versions int     `json:"images"`
	Parts    []Row   `json:"parts"`
	Layers   []Layer `json:"layers"`
}

// Title names the repository, with its region if there are several.
func (r RepositoryReport) Title() string { return strings.TrimPrefix(r.Region+" "+r.Name, " ") }

// Row is a part of the images of a repository: base, ffmpeg, one image's binary.
type Row struct {
	Part Part `json:"part"`
	// Images share it.
	Images     []string `json:"images"`
	DeployCopy bool     `json:"deployCopy,omitempty"`
	// Versions is how many different ones are stored, and Bytes their total size. The
	// configuration of an image counts as part of its binary.
	Versions int   `json:"versions"`
	Bytes    int64 `json:"bytes"`
}

// Layer is a blob that a repository stores once.
type Layer struct {
	Digest string `json:"digest"`
	Part   Part   `json:"part"`
	Size   int64  `json:"size"` // in bytes
	// Versions is more than 1 for a modelled layer with that many versions of one size.
	Versions int      `json:"versions"`
	Images   []string `json:"images"`
	// Latest is true for a layer of the image that was published last. Of several versions
	// of a layer, one is of that image.
	Latest bool `json:"latest"`
}

// New returns the report on the repositories.
func New(repositories []Repository, p Prices) *Report {
	r := &Report{Prices: p}
	var archived ArchivedStorage
	for _, repository := range repositories {
		archived.Images += repository.Archived.Images
		archived.Bytes += repository.Archived.Bytes
		one := describe(repository)
		r.Repositories = append(r.Repositories, one)
		if one.Tier == catalog.Public {
			r.Public.Bytes += one.Bytes
		} else {
			r.Private.Bytes += one.Bytes
		}
	}
	slices.SortStableFunc(r.Repositories, func(a, b RepositoryReport) int {
		return cmp.Or(strings.Compare(string(a.Tier), string(b.Tier)), -strings.Compare(string(a.Variant), string(b.Variant)))
	})
	r.Private.Dollars = p.Private.month(r.Private.Bytes)
	r.Public.Dollars = p.Public.month(r.Public.Bytes)
	r.Dollars = r.Private.Dollars + r.Public.Dollars
	for n := range r.Repositories {
		one := &r.Repositories[n]
		all := r.Private
		if one.Tier == catalog.Public {
			all = r.Public
		}
		if all.Bytes > 0 {
			one.Dollars = all.Dollars * float64(one.Bytes) / float64(all.Bytes)
		}
	}
	if archived.Images > 0 {
		archived.Dollars = Price{PerGBMonth: p.Archive.PerGBMonth}.month(archived.Bytes)
		r.Archived = &archived
	}
	r.Layouts = layouts(repositories, p)
	return r
}

// key identifies a blob that is stored once.
type key struct {
	digest  string
	version int
}

func (b Blob) key() key { return key{b.Digest, b.version} }

// size is the size of the image alone.
func (i Image) size() int64 {
	var sum int64
	for _, b := range unique([]Image{i}) {
		sum += b.Size
	}
	return sum
}

// unique returns the blobs of the images, each once, in their order.
func unique(images []Image) []Blob {
	var blobs []Blob
	seen := map[key]bool{}
	for _, i := range images {
		for _, b := range i.Blobs {
			if !seen[b.key()] {
				seen[b.key()] = true
				blobs = append(blobs, b)
			}
		}
	}
	return blobs
}

func describe(repository Repository) RepositoryReport {
	r := RepositoryReport{Region: repository.Region, Name: repository.Name, Tier: repository.Tier, Variant: repository.Variant, Versions: len(repository.Images)}
	for _, i := range repository.Images {
		r.Whole += i.size()
	}
	usedBy, at := users(repository.Images), map[string]int{}
	for _, b := range unique(repository.Images) {
		r.Bytes += b.Size
		u := usedBy[b.key()]
		if n, ok := at[b.Digest]; ok {
			r.Layers[n].Versions++
			r.Layers[n].Latest = r.Layers[n].Latest || u.latest
			continue
		}
		at[b.Digest] = len(r.Layers)
		r.Layers = append(r.Layers, Layer{Digest: b.Digest, Part: b.Part, Size: b.Size, Versions: 1, Images: u.names, Latest: u.latest})
	}
	slices.SortStableFunc(r.Layers, func(a, b Layer) int {
		return cmp.Or(slices.Index(parts, a.Part)-slices.Index(parts, b.Part), strings.Compare(a.Images[0], b.Images[0]))
	})
	r.Parts = rows(repository.Images)
	return r
}

// user are the images that have a blob.
type user struct {
	names  []string // sorted
	latest bool     // one of them was published last
}

// users returns the images that have each blob.
func users(images []Image) map[key]user {
	all := map[key]user{}
	for _, i := range images {
		for _, b := range i.Blobs {
			u := all[b.key()]
			u.latest = u.latest || i.Latest
			if at, found := slices.BinarySearch(u.names, i.Name); !found {
				u.names = slices.Insert(u.names, at, i.Name)
			}
			all[b.key()] = u
		}
	}
	return all
}

// rows sums up the unique blobs of the images by part, and binaries by image too.
func rows(images []Image) []Row {
	var all []Row
	// Versions are counted by the blobs of the part, without the configuration.
	versions := map[int]map[string]bool{}
	at := func(i Image, b Blob) int {
		part := b.Part
		if part == Config {
			part = Binary
		}
		n := slices.IndexFunc(all, func(r Row) bool {
			return r.Part == part && (part == Base || part == FFmpeg || r.Images[0] == i.Name)
		})
		if n < 0 {
			all = append(all, Row{Part: part, DeployCopy: i.DeployCopy && part == Binary})
			n = len(all) - 1
			versions[n] = map[string]bool{}
		}
		if at, found := slices.BinarySearch(all[n].Images, i.Name); !found {
			all[n].Images = slices.Insert(all[n].Images, at, i.Name)
		}
		return n
	}
	seen := map[key]bool{}
	for _, i := range images {
		chains := map[int]string{}
		for _, b := range i.Blobs {
			n := at(i, b)
			if b.Part != Config {
				chains[n] += fmt.Sprintf("%s %d ", b.Digest, b.version)
			}
			if !seen[b.key()] {
				seen[b.key()] = true
				all[n].Bytes += b.Size
			}
		}
		for n, chain := range chains {
			versions[n][chain] = true
		}
	}
	for n := range all {
		all[n].Versions = len(versions[n])
	}
	slices.SortStableFunc(all, func(a, b Row) int {
		return cmp.Or(slices.Index(parts, a.Part)-slices.Index(parts, b.Part), strings.Compare(a.Images[0], b.Images[0]))
	})
	return all
}

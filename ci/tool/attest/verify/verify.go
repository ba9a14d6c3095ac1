// Package verify compares published images with images that were built again from the same
// commit, layer by layer.
package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Verdict is the result for one image in one repository.
type Verdict string

// The verdicts.
const (
	Same    Verdict = "same"
	Differs Verdict = "differs"
	Missing Verdict = "missing" // the commit tag does not exist
)

// Place is one image in one repository.
type Place struct {
	reference.Item
	Verdict Verdict `json:"verdict"`
	// Published and Rebuilt are the digests, and PublishedFor and Platform what these images are
	// for. PublishedFor is unknown if the published image cannot be read.
	Published    string `json:"published,omitempty"`
	PublishedFor string `json:"publishedPlatform,omitempty"`
	Rebuilt      string `json:"rebuilt"`
	Platform     string `json:"platform"`
	// Layers is the number of layers of the rebuilt image, and SameLayers how many of
	// them the published image has at the same position.
	Layers      int          `json:"layers"`
	SameLayers  int          `json:"sameLayers"`
	Differences []Difference `json:"differences,omitempty"`
	// Signer is who signed the documents, if that was checked, and Unsigned why the signatures are
	// refused.
	Signer   string `json:"signer,omitempty"`
	Unsigned string `json:"unsigned,omitempty"`
}

// Signed is the result of the check of the signatures, in one word.
func (p Place) Signed() string {
	switch {
	case p.Signer != "":
		return "yes"
	case p.Unsigned != "":
		return "no"
	}
	return "not checked"
}

// Difference is one difference between the published and the rebuilt image.
type Difference struct {
	// Layer is the number of the layer in the published image, from 1; 0 if the difference
	// is not in a layer.
	Layer int `json:"layer,omitempty"`
	// What is base, ffmpeg, binary, configuration or deploy copy.
	What string `json:"what"`
	Text string `json:"text"`
}

func (d Difference) String() string {
	if d.Layer == 0 {
		return d.What + ": " + d.Text
	}
	return fmt.Sprintf("layer %d (%s): %s", d.Layer, d.What, d.Text)
}

// Report is the result for all images and repositories.
type Report struct {
	Commit   string  `json:"commit"`
	Platform string  `json:"platform"`
	Places   []Place `json:"places"`
	// Seconds is the time that building and comparing took.
	Seconds float64 `json:"seconds"`
}

// Err is nil if every published image is the same as the rebuilt one.
func (r *Report) Err() error {
	if len(r.Places) == 0 {
		return errors.New("verify: no image was compared")
	}
	count := map[Verdict]int{}
	for _, p := range r.Places {
		count[p.Verdict]++
	}
	var errs []error
	if n := count[Differs]; n > 0 {
		errs = append(errs, fmt.Errorf("verify commit %s: %d of %d published images differ from what its sources build", r.Commit, n, len(r.Places)))
	}
	if n := count[Missing]; n > 0 {
		errs = append(errs, fmt.Errorf("verify commit %s: %d of %d images are not in the registries; publish them: git checkout %s && bin/ci publish", r.Commit, n, len(r.Places), r.Commit))
	}
	if n := len(slices.DeleteFunc(slices.Clone(r.Places), func(p Place) bool { return p.Unsigned == "" })); n > 0 {
		errs = append(errs, fmt.Errorf("verify commit %s: the documents of %d of %d published images are not signed as required", r.Commit, n, len(r.Places)))
	}
	return errors.Join(errs...)
}

// Registry reads images from registries.
type Registry interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Content(ctx context.Context, repository string, d v1.Descriptor) ([]byte, error)
}

// Check compares every item with the image that was rebuilt.
func Check(ctx context.Context, r Registry, items []reference.Item, rebuilt map[string]publish.Image) ([]Place, error) {
	var places []Place
	public := map[string]string{} // the digest of each image in the registry of its function
	for _, item := range items {
		p, err := check(ctx, r, item, rebuilt[item.Image])
		if err != nil {
			return nil, fmt.Errorf("verify %s: %w", item.Image, err)
		}
		if !item.DeployCopy {
			public[item.Image] = p.Published
		} else if own := public[item.Image]; p.Published != "" && own != "" && own != p.Published {
			p.Verdict = Differs
			p.Differences = append(p.Differences, Difference{What: "deploy copy", Text: "the original image is " + own})
		}
		places = append(places, p)
	}
	return places, nil
}

func check(ctx context.Context, r Registry, item reference.Item, rebuilt publish.Image) (Place, error) {
	p := Place{Item: item, Rebuilt: rebuilt.Digest.String(), Platform: rebuilt.Platform, Layers: len(rebuilt.Blobs) - 1}
	digest, ok, err := r.Digest(ctx, item.Repository, item.CommitTag)
	switch {
	case err != nil:
		return p, err
	case !ok:
		p.Verdict = Missing
		return p, nil
	}
	p.Published = digest.String()
	if digest == rebuilt.Digest {
		p.Verdict, p.SameLayers, p.PublishedFor = Same, p.Layers, p.Platform
		return p, nil
	}
	p.Verdict, p.PublishedFor = Differs, report.Unknown
	manifest, _, err := r.Manifest(ctx, item.Repository, digest.String())
	if err != nil {
		return p, err
	}
	theirs, err := side(manifest, func(d v1.Descriptor) (io.ReadCloser, error) {
		content, err := r.Content(ctx, item.Repository, d)
		return io.NopCloser(bytes.NewReader(content)), err
	})
	if err != nil {
		// The tag names something that this program did not build.
		p.Differences = []Difference{{What: "configuration", Text: err.Error()}}
		return p, ctx.Err()
	}
	ours, err := side(rebuilt.Manifest, rebuilt.Open)
	if err != nil {
		return p, err
	}
	p.SameLayers, p.PublishedFor = ours.sameLayers(theirs), theirs.Platform.String()
	p.Differences, err = Compare(theirs, ours)
	return p, err
}

// Side is one of two images that are compared.
type Side struct {
	composition.Image
	// Program reads the binary.
	Program func() (composition.Program, error)
}

func side(manifest []byte, open composition.Open) (Side, error) {
	i, err := composition.Read(manifest, open)
	return Side{i, func() (composition.Program, error) { return composition.ReadProgram(i, open) }}, err
}

func (s Side) sameLayers(other Side) int {
	same := 0
	for n, l := range s.Layers {
		if n < len(other.Layers) && other.Layers[n].Digest == l.Digest {
			same++
		}
	}
	return same
}

// published is the digest of the published image, and what it is for if the other is not.
func (p Place) published() string {
	if p.Published == "" || p.PublishedFor == p.Platform {
		return report.Digest(p.Published)
	}
	return report.DigestFor(p.Published, p.PublishedFor)
}

// Table prints the result for each image in each repository, then what differs.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	var platforms []string
	same := 0
	for _, p := range r.Places {
		if p.Verdict == Same {
			same++
		}
		rows = append(rows, []string{p.Image, p.Where(), p.CommitTag, string(p.Verdict),
			fmt.Sprintf("%d of %d", p.SameLayers, p.Layers), p.Signed(), p.published(), report.Digest(p.Rebuilt)})
		platforms = append(platforms, p.Platform)
	}
	header, rows, of := report.For([]string{"IMAGE", "REPOSITORY", "TAG", "RESULT", "SAME LAYERS", "SIGNED", "PUBLISHED", "REBUILT"}, rows, platforms)
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	for _, p := range r.Places {
		for _, d := range p.Differences {
			fmt.Fprintf(w, "! %s in %s: %s\n", p.Image, p.Repository, report.Line(d.String()))
		}
		if p.Unsigned != "" {
			fmt.Fprintf(w, "! %s\n", report.Line(p.Unsigned))
		}
	}
	for _, signer := range r.signers() {
		fmt.Fprintf(w, "signed by %s\n", report.Line(signer))
	}
	_, err := fmt.Fprintf(w, "%d of %s in the registries equal the images that commit %s builds%s, %s\n",
		same, report.Count(len(r.Places), "image"), r.Commit, of, report.Seconds(r.Seconds))
	return err
}

// signers are those who signed, each once.
func (r *Report) signers() []string {
	var all []string
	for _, p := range r.Places {
		if p.Signer != "" && !slices.Contains(all, p.Signer) {
			all = append(all, p.Signer)
		}
	}
	return all
}

// At returns a builder with the settings of here for the workspace at root, which is a
// checkout of a commit.
func At(here *build.Builder, root string) (*build.Builder, error) {
	b := *here
	var err error
	if b.Catalog, err = catalog.Load(root); err != nil {
		return nil, err
	}
	b.Lock, err = lock.Load(root)
	return &b, err
}

// Rebuild builds the functions.
func Rebuild(ctx context.Context, b *build.Builder, functions []catalog.Function) (images map[string]publish.Image, err error) {
	defer func() { err = errors.Join(err, b.Forget()) }()
	dir := filepath.Join(b.Catalog.Root, "dist")
	made, err := b.All(ctx, functions, dir)
	if err != nil {
		return nil, err
	}
	if failed := made.Failed(); len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	return publish.ReadImages(dir, functions, b.Cache)
}

// Platforms are those of the images.
func Platforms(images map[string]publish.Image) string {
	all := map[string]bool{}
	for _, i := range images {
		all[i.Platform] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

// Any fails if none of the items is in its registry: then there is nothing to compare,
// and nothing to build.
func Any(ctx context.Context, r Registry, items []reference.Item, name string) error {
	var where []string
	for _, item := range items {
		_, ok, err := r.Digest(ctx, item.Repository, item.CommitTag)
		if err != nil {
			return fmt.Errorf("verify %s: %w", item.Image, err)
		}
		if ok {
			return nil
		}
		where = append(where, item.Repository+":"+item.CommitTag)
	}
	return fmt.Errorf("nothing is published under commit %s: none of %s exists; publish it: git checkout %s && bin/ci publish", name, strings.Join(where, ", "), name)
}

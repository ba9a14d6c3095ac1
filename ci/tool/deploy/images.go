package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
)

// Images is the client of the private registry. Repositories are named as registry/path;
// an identifier is a tag or a digest.
type Images interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error
}

// architectures maps the architecture of an image to Lambda's name for it.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// Architecture is Lambda's name for the architecture of an image.
func Architecture(of string) string { return architectures[of] }

// platformOf is the platform of images for an architecture of Lambda.
func platformOf(architecture string) string {
	for image, name := range architectures {
		if name == architecture {
			return "linux/" + image
		}
	}
	return report.Unknown
}

// checkPlace fails if Lambda does not accept images from the repository for a function in
// the region. A registry on this machine is used only with a stand-in for AWS.
func checkPlace(repository, region string) error {
	if reference.Loopback(repository) {
		return nil
	}
	e, ok := reference.ParseECR(repository)
	switch {
	case !ok:
		return fmt.Errorf("Lambda accepts images only from a private ECR repository, not from %s; publish the image to one", repository)
	case e.Region != region:
		return fmt.Errorf("the function is in %s and the repository in %s; Lambda accepts images only from the region of the function: pass --region %s", region, e.Region, region)
	default:
		return nil
	}
}

// architecture reads the image and returns Lambda's name for its architecture. It fails
// if the image is gone, or if Lambda does not accept it.
func (r *Releaser) architecture(ctx context.Context, t Target) (string, error) {
	_, ok, err := r.images.Digest(ctx, t.Repository, t.Digest)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", fmt.Errorf("the image %s is gone from %s; publish its commit again, or deploy another commit", Short(t.Digest), t.Repository)
	}
	raw, digest, err := r.images.Manifest(ctx, t.Repository, t.Digest)
	if err != nil {
		return "", err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("read the manifest %s in %s: %w", Short(t.Digest), t.Repository, err)
	}
	if digest.String() != t.Digest {
		return "", fmt.Errorf("%s in %s is read back as %s", Short(t.Digest), t.Repository, Short(digest.String()))
	}
	if m.MediaType != types.OCIManifestSchema1 && m.MediaType != types.DockerManifestSchema2 {
		return "", fmt.Errorf("%s in %s is a %q; Lambda accepts one plain image manifest", Short(t.Digest), t.Repository, m.MediaType)
	}
	if err := limit.Check(m); err != nil {
		return "", fmt.Errorf("%s in %s: %w", Short(t.Digest), t.Repository, err)
	}
	for n, l := range m.Layers {
		if l.MediaType != types.OCILayer && l.MediaType != types.DockerLayer {
			return "", fmt.Errorf("layer %d of %s is %s; Lambda accepts gzip", n+1, Short(t.Digest), l.MediaType)
		}
	}
	raw, err = r.images.Blob(ctx, t.Repository, m.Config.Digest)
	if err != nil {
		return "", err
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", fmt.Errorf("read the configuration of %s in %s: %w", Short(t.Digest), t.Repository, err)
	}
	name, ok := architectures[config.Architecture]
	if config.OS != "linux" || !ok {
		return "", fmt.Errorf("the image is for %s/%s; Lambda runs linux/amd64 and linux/arm64", config.OS, config.Architecture)
	}
	return name, nil
}

// MarkLive moves the live tag of every function to the image that it runs, so that
// retention does not delete this image. The image of a version gets a second tag, which stays
// when the live tag moves on. A tag that is right already is not written.
func (r *Releaser) MarkLive(ctx context.Context, results []Result) error {
	return r.each(ctx, len(results), func(ctx context.Context, n int) error {
		t := results[n].Target
		tags := []string{reference.LiveTag(t.Image, r.o.Side)}
		if results[n].Version != "" {
			tags = append(tags, reference.ShieldTag(t.Image, t.Digest, r.o.Side))
		}
		for _, tag := range tags {
			now, ok, err := r.images.Digest(ctx, t.Repository, tag)
			if err == nil && (!ok || now.String() != t.Digest) {
				err = r.tag(ctx, t, tag)
			}
			if err != nil {
				return fmt.Errorf("set the live tag of the image that %s runs: %w", t.Lambda, err)
			}
		}
		return nil
	})
}

// tag gives the target's image a tag.
func (r *Releaser) tag(ctx context.Context, t Target, tag string) error {
	raw, _, err := r.images.Manifest(ctx, t.Repository, t.Digest)
	if err != nil {
		return err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return r.images.PutManifest(ctx, t.Repository, tag, raw, m.MediaType)
}

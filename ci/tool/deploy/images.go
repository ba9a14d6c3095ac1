package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/publish"
)

// Images is what a deployment asks of the private registry. Repositories are named
// as registry/path; an identifier is a tag or a digest.
type Images interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error
}

// privateHost is a private registry of ECR, with the region as its group. Lambda
// does not take the names of FIPS endpoints.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
var privateHost = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/`)

// maxCompressed is more than the layers of an image that Lambda takes can sum up to:
// it takes 10 GB unpacked.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxCompressed = 10 << 30

// architectures are Lambda's names for those of images.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// checkPlace fails when Lambda would not take images from the repository for a
// function in the region. A registry on this machine goes with a stand-in of AWS.
func checkPlace(repository, region string) error {
	if publish.Loopback(repository) {
		return nil
	}
	found := privateHost.FindStringSubmatch(repository)
	switch {
	case found == nil:
		return fmt.Errorf("Lambda takes images from a private ECR repository only, not from %s; publish there", repository)
	case found[1] != region:
		return fmt.Errorf("the function is in %s and the repository in %s; Lambda takes images from its own region only: name it with --region", region, found[1])
	default:
		return nil
	}
}

// architecture reads the image and returns its architecture by Lambda's name. It
// fails when the image is gone, or not one that Lambda takes.
func (r *Releaser) architecture(ctx context.Context, t Target) (string, error) {
	_, ok, err := r.images.Digest(ctx, t.Repository, t.Digest)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", fmt.Errorf("the image %s is gone from %s; publish its commit again, or choose another", Short(t.Digest), t.Repository)
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
		return "", fmt.Errorf("%s in %s reads back as %s", Short(t.Digest), t.Repository, Short(digest.String()))
	}
	if m.MediaType != types.OCIManifestSchema1 && m.MediaType != types.DockerManifestSchema2 {
		return "", fmt.Errorf("%s in %s is a %q; Lambda takes one plain image manifest", Short(t.Digest), t.Repository, m.MediaType)
	}
	var size int64
	for n, l := range m.Layers {
		size += l.Size
		if l.MediaType != types.OCILayer && l.MediaType != types.DockerLayer {
			return "", fmt.Errorf("layer %d of %s is %s; Lambda takes gzip", n+1, Short(t.Digest), l.MediaType)
		}
	}
	if size > maxCompressed {
		return "", fmt.Errorf("%s holds %d bytes; Lambda takes %d", Short(t.Digest), size, int64(maxCompressed))
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

// Live returns the tag of what a function runs.
func Live(image string) string { return image + publish.LiveSuffix }

// MarkLive makes the live tag of every function name what it runs, which keeps
// retention from deleting that. Tags that do so already are left alone.
func (r *Releaser) MarkLive(ctx context.Context, results []Result) error {
	return r.each(ctx, len(results), func(ctx context.Context, n int) error {
		t := results[n].Target
		now, ok, err := r.images.Digest(ctx, t.Repository, Live(t.Image))
		if err == nil && ok && now.String() == t.Digest {
			return nil
		}
		if err == nil {
			err = r.tag(ctx, t, Live(t.Image))
		}
		if err != nil {
			return fmt.Errorf("mark what %s runs as live: %w", t.Lambda, err)
		}
		return nil
	})
}

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

package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	publictypes "github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Registry is a client of ECR's registries. It removes tags with the API of AWS, because
// the registry protocol of ECR deletes only whole manifests. For other registries it is a
// client like any other.
type Registry struct {
	*registry.Client
	Private *ecr.Client
	Public  *ecrpublic.Client
	// Hosts are those of the registries that AWS runs; one that it does not run is "".
	Hosts reference.Hosts
	// Copies are the clients of the private registries in other regions, Hosts.Copies.
	Copies []*ecr.Client
}

// Untag removes a tag. It is no error if the tag does not exist.
func (r *Registry) Untag(ctx context.Context, repository, tag string) (err error) {
	if name, ok := r.public(repository); ok {
		err = DeletePublic(ctx, r.Public, name, []publictypes.ImageIdentifier{{ImageTag: aws.String(tag)}})
	} else if api, name, ok := r.private(repository); ok {
		err = Untag(ctx, api, name, []string{tag})
	} else {
		return r.Client.Untag(ctx, repository, tag)
	}
	if err != nil {
		return fmt.Errorf("untag %s in %s: %w", tag, repository, err)
	}
	return nil
}

// private returns the name of a private repository at AWS, and the client of its region.
func (r *Registry) private(repository string) (api *ecr.Client, name string, ok bool) {
	name = reference.RepositoryName(catalog.Private, repository)
	if r.Hosts.Private != "" && strings.HasPrefix(repository, r.Hosts.Private+"/") {
		return r.Private, name, true
	}
	for n, host := range r.Hosts.Copies {
		if strings.HasPrefix(repository, host+"/") {
			return r.Copies[n], name, true
		}
	}
	return nil, name, false
}

// API returns the client of the region of a private repository; nil if that is not at AWS.
func (r *Registry) API(repository string) *ecr.Client {
	api, _, _ := r.private(repository)
	return api
}

// public returns the name of a public repository at AWS.
func (r *Registry) public(repository string) (name string, ok bool) {
	return reference.RepositoryName(catalog.Public, repository), strings.HasPrefix(repository, r.Hosts.Public+"/")
}

// Images lists the digests of all images in the repository that can be pulled with their tags,
// also of those without a tag. A repository that does not exist has none. The error is
// [errors.ErrUnsupported] if the repository is not at AWS.
func (r *Registry) Images(ctx context.Context, repository string) (tags map[string][]string, err error) {
	var images []Image
	if name, ok := r.public(repository); ok {
		images, err = PublicImages(ctx, r.Public, name)
	} else if api, name, ok := r.private(repository); ok {
		images, err = Images(ctx, api, name)
	} else {
		err = fmt.Errorf("list the images of %s, which is not at AWS: %w", repository, errors.ErrUnsupported)
	}
	if err != nil && !is(err, notFound) {
		return nil, err
	}
	tags = map[string][]string{}
	for _, i := range images {
		if !i.Archived() {
			tags[i.Digest] = i.Tags
		}
	}
	return tags, nil
}

// Archived counts the images of a repository that are archived, and their bytes. A repository that
// does not exist has none, and another registry than ECR's private one has no archive.
func (r *Registry) Archived(ctx context.Context, repository string) (count int, bytes int64, err error) {
	api, name, ok := r.private(repository)
	if _, public := r.public(repository); !ok || public {
		return 0, 0, nil
	}
	images, err := Images(ctx, api, name)
	if is(err, notFound) {
		return 0, 0, nil
	}
	for _, i := range images {
		if i.Archived() {
			count, bytes = count+1, bytes+i.Size
		}
	}
	return count, bytes, err
}

// Manifests reads many manifests of a private repository at once, by digest. It leaves
// out what it does not find, and all of another repository: ECR Public has no call for it.
func (r *Registry) Manifests(ctx context.Context, repository string, digests []string) (map[string][]byte, error) {
	manifests := map[string][]byte{}
	api, name, ok := r.private(repository)
	if !ok || strings.HasPrefix(repository, r.Hosts.Public+"/") {
		return manifests, nil
	}
	images, err := Manifests(ctx, api, name, digests)
	for digest, i := range images {
		manifests[digest] = []byte(aws.ToString(i.ImageManifest))
	}
	return manifests, err
}

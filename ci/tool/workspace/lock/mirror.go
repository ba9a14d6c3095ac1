package lock

import (
	"fmt"
	"strings"

	ref "github.com/google/go-containerregistry/pkg/name"
)

// Mirrors says, by registry, from where images are pulled instead: docker.io may be
// served by HOST[:PORT][/PATH], such as a pull-through cache of ECR. An image has the
// same bytes and the same name, wherever it is pulled from.
type Mirrors map[string]string

// Add adds a mirror of a registry.
func (m Mirrors) Add(registry, mirror string) error {
	if _, err := ref.NewRegistry(registry); err != nil || registry == "" || strings.Contains(registry, "/") {
		return fmt.Errorf("%q is not a registry; name one such as docker.io or public.ecr.aws", registry)
	}
	mirror = strings.TrimSuffix(mirror, "/")
	if r, err := ref.NewRepository(mirror + "/x"); err != nil || mirror == "" || !strings.HasPrefix(mirror+"/", r.RegistryStr()+"/") {
		return fmt.Errorf("%q is not a mirror of %s; name HOST[:PORT][/PATH]", mirror, registry)
	}
	m[registry] = mirror
	return nil
}

// Of returns where to pull the reference from; ok is false if its registry has no
// mirror.
func (m Mirrors) Of(reference string) (location string, ok bool) {
	r, err := ref.ParseReference(reference)
	if err != nil {
		return reference, false
	}
	registry := strings.Replace(r.Context().RegistryStr(), ref.DefaultRegistry, "docker.io", 1)
	mirror, ok := m[registry]
	if !ok {
		return reference, false
	}
	// What follows the repository in the reference: :tag, @digest or both.
	rest := ""
	if at := strings.LastIndex(reference, "/"); strings.ContainsAny(reference[at+1:], ":@") {
		rest = reference[at+1:][strings.IndexAny(reference[at+1:], ":@"):]
	}
	return mirror + "/" + r.Context().RepositoryStr() + rest, true
}

package main

import (
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// keyFile and rootFile are the files that say whose signatures are accepted.
const (
	keyFile  = "/run/public-key"
	rootFile = "/run/trusted-root.json"
)

// trust says whose signatures are accepted: of a key, or of an identity that an issuer vouches for.
type trust struct {
	key, root                        *dagger.File
	identity, identityRegexp, issuer string
}

// with returns the container with the files of the trust, and the flags that name it.
func (t trust) with(in *dagger.Container) (*dagger.Container, []string) {
	args := slices.Concat(optional("--certificate-identity", t.identity), optional("--certificate-identity-regexp", t.identityRegexp),
		optional("--certificate-oidc-issuer", t.issuer))
	if t.key != nil {
		in = in.WithMountedFile(keyFile, t.key)
		args = append(args, "--key", keyFile)
	}
	if t.root != nil {
		in = in.WithMountedFile(rootFile, t.root)
		args = append(args, "--trusted-root", rootFile)
	}
	return in, args
}

package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"lambdas.internal/ci/tool/report"
)

// Logins are Docker's logins. What is wrong with Docker's settings is told as such: it says
// nothing about a registry.
var Logins authn.Keychain = logins{}

type logins struct{}

// errLogins is what is wrong with Docker's settings.
var errLogins = errors.New("read Docker's logins")

// Resolve returns the login for a repository.
func (logins) Resolve(r authn.Resource) (authn.Authenticator, error) {
	auth, err := authn.DefaultKeychain.Resolve(r)
	if err == nil {
		return auth, nil
	}
	fix := "repair that file, or set DOCKER_CONFIG to another folder"
	// docker/cli runs docker-credential-NAME, and puts what came of it into a text.
	// https://docs.docker.com/reference/cli/docker/login/#credential-helpers
	if strings.Contains(err.Error(), "getting credentials") {
		fix = fmt.Sprintf("install or repair this credential helper, or take it out of credsStore and credHelpers in %s", dockerFile())
	}
	return nil, fmt.Errorf("%w for %s: %w; %s", errLogins, r.RegistryStr(), report.InLine(err), fix)
}

// dockerFile is the file with Docker's settings.
func dockerFile() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	return filepath.Join("~", ".docker", "config.json")
}

// stale has the registries that did not accept Docker's login, but answer without one.
var stale sync.Map

// pull calls ask with Docker's login for the registry. If the registry does not accept it, pull
// calls ask without: ECR Public answers 403 to a login that has expired, though everybody may
// pull, and Docker keeps the login until `docker logout`.
// https://github.com/aws/containers-roadmap/issues/1296
func pull(ctx context.Context, ref name.Reference, ask func(attempt context.Context, o []remote.Option) error) error {
	host := ref.Context().RegistryStr()
	auth, err := authn.Resolve(ctx, Logins, ref.Context())
	if err != nil {
		return err
	}
	with := func(auth authn.Authenticator) error {
		return lookUp(ctx, auth, host, func(attempt context.Context) error { return ask(attempt, options(ctx, ref, auth)) })
	}
	if _, known := stale.Load(host); known {
		auth = authn.Anonymous
	}
	err = with(auth)
	if !refused(err) || auth == authn.Anonymous || ctx.Err() != nil || with(authn.Anonymous) != nil {
		return err
	}
	if _, known := stale.LoadOrStore(host, true); !known {
		report.Warn(ctx, fmt.Sprintf("%s does not accept Docker's login, which may have expired; it is read without one; to end this: docker logout %[1]s", host))
	}
	return nil
}

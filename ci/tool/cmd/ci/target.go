//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/verify"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// targetFlags name the registries.
type targetFlags struct {
	hosts   reference.Hosts
	region  []string // several are in the order of release
	account string
	alias   string
	local   bool // the embedded registry
	session *awsauth.Session
	refused error // why there is no session
}

func (f *targetFlags) addLocal(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&f.local, "local", false, usage)
}

func (f *targetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	addEnvironment(cmd)
	flags.StringVar(&f.hosts.Private, "private-registry", "", privateUsage)
	flags.StringVar(&f.hosts.Public, "public-registry", "", "public registry, host[:port][/path] (default: "+reference.PublicHost+"/ALIAS)")
	addRegions(cmd, &f.region, "")
	flags.StringVar(&f.account, "account", "", "AWS account (default: the account of the credentials)")
	flags.StringVar(&f.alias, "public-alias", "", "alias at ECR Public (default: the account's primary alias)")
}

var account = regexp.MustCompile(`^[0-9]{12}$`)

func (f *targetFlags) check() error {
	if f.local && f.given() {
		return usageError{errors.New("--local cannot be combined with --private-registry, --public-registry, --region, --account and --public-alias")}
	}
	if f.account != "" && !account.MatchString(f.account) {
		return usageError{fmt.Errorf("--account: %q is not an AWS account; pass its 12 digits", f.account)}
	}
	if f.account != "" && f.hosts.Private != "" {
		return usageError{errors.New("--account has no effect beside --private-registry, which names the account; leave one out")}
	}
	if f.alias != "" && f.hosts.Public != "" {
		return usageError{errors.New("--public-alias has no effect beside --public-registry, which names the alias; leave one out")}
	}
	if err := f.checkRegions(); err != nil {
		return usageError{err}
	}
	expected := f.expected()
	if err := expected.Check(); err != nil {
		return usageError{err}
	}
	if err := awsauth.CheckHosts(expected); err != nil {
		return usageError{err}
	}
	return nil
}

// given tells whether a flag names a registry in AWS or elsewhere.
func (f *targetFlags) given() bool {
	return len(f.region) > 0 || f.account != "" || f.alias != "" || f.hosts.Private != "" || f.hosts.Public != ""
}

// expected returns the registries as far as the flags name them, before AWS is asked.
func (f *targetFlags) expected() reference.Hosts {
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	h := reference.Hosts{Public: or(f.hosts.Public, reference.PublicHost+"/"+or(f.alias, "alias"))}
	private := or(f.hosts.Private, awsauth.PrivateHost(or(f.account, "account"), or(f.first(), "region")))
	h.Private = inRegion(private, or(f.first(), "region"))
	h.Copies = f.copies(h.Private)
	return h
}

// registries is the client for both registries.
type registries interface {
	publish.Registry
	verify.Registry
}

// target is the registries that a command uses.
type target struct {
	hosts    reference.Hosts
	registry registries
	client   *registry.Client // for reading
	ecr      *ecrapi.Registry // nil if AWS is not used
	// replication is what ECR copies from the first region to others, see [target.readReplication].
	replication ecrapi.Replication
	close       func() error
}

// platforms reads what images of a repository are for.
func (t *target) platforms(ctx context.Context, kept *cache.Cache) func(repository string, digests []string) map[string]string {
	return func(repository string, digests []string) map[string]string {
		return t.client.Platforms(ctx, kept, repository, digests)
	}
}

// open is [targetFlags.openAll] for the first region.
func (f *targetFlags) open(ctx context.Context, c *catalog.Catalog, functions []catalog.Function) (*target, error) {
	one := *f
	one.region = f.region[:min(1, len(f.region))]
	t, err := one.openAll(ctx, c, functions)
	f.session, f.refused = one.session, one.refused
	return t, err
}

// openAll finds the registries of the functions, in all regions, and their logins. AWS is asked only for what the
// functions need and the flags do not name; not at all if all registries are named and none is
// of AWS, unless AWS_ENDPOINT_URL is set: then a stand-in for AWS gives the logins.
func (f *targetFlags) openAll(ctx context.Context, c *catalog.Catalog, functions []catalog.Function) (*target, error) {
	if f.local {
		if _, err := os.Stat(localDir(c.Root)); errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("nothing is published in dist/registry; publish first: bin/ci publish --local")
		}
		t, _, err := localTarget(c, 0)
		return t, err
	}
	t := &target{hosts: f.hosts.Of(c.Pipeline), close: func() error { return nil }}
	public := slices.ContainsFunc(functions, func(f catalog.Function) bool { return f.Registry == catalog.Public })
	if !public { // not even its name is needed
		t.hosts.Public = ""
	}
	named := t.hosts.Private != "" && !strings.Contains(t.hosts.Private, catalog.RegionBlank)
	if named && (t.hosts.Public != "" || !public) && !awsauth.Names(t.hosts) && os.Getenv("AWS_ENDPOINT_URL") == "" {
		t.client = registry.NewClient(registry.Options{})
		t.registry = t.client
		return t, nil
	}
	session, err := f.login(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.private(ctx, session, &t.hosts); err != nil {
		return nil, err
	}
	if public {
		if err := f.public(ctx, session, &t.hosts); err != nil {
			return nil, err
		}
	}
	runs, err := session.Runs(t.hosts)
	if err != nil {
		return nil, err
	}
	session.InAccount(t.hosts)
	t.client = registry.NewClient(registry.Options{Keychain: session.Keychain(t.hosts)})
	t.ecr = &ecrapi.Registry{Client: t.client, Private: session.ECR, Public: session.Public, Hosts: runs}
	for _, copied := range runs.Copies {
		there := session.In(reference.RegionOf(copied))
		there.InAccount(reference.Hosts{Private: copied})
		t.ecr.Copies = append(t.ecr.Copies, there.ECR)
	}
	t.registry = t.ecr
	return t, nil
}

// private finds the private registries, as far as no flag names them.
func (f *targetFlags) private(ctx context.Context, session *awsauth.Session, h *reference.Hosts) (err error) {
	if h.Private == "" {
		account := f.account
		if account == "" {
			if account, err = session.Account(ctx); err != nil {
				return err
			}
		}
		h.Private = awsauth.PrivateHost(account, session.Region)
	}
	h.Private = inRegion(h.Private, session.Region)
	h.Copies = f.copies(h.Private)
	return nil
}

// public finds the public registry, if no flag names it.
func (f *targetFlags) public(ctx context.Context, session *awsauth.Session, h *reference.Hosts) (err error) {
	if !awsauth.HasPublic(session.Region) && (h.Public == "" || awsauth.Names(reference.Hosts{Public: h.Public})) {
		return fmt.Errorf("use ECR Public from %s: its partition of AWS has none; pass --public-registry with another registry, or --only with private functions", session.Region)
	}
	if h.Public != "" {
		return nil
	}
	alias := f.alias
	if alias == "" {
		if alias, err = session.Alias(ctx); err != nil {
			return err
		}
	}
	h.Public = reference.PublicHost + "/" + alias
	return nil
}

// prepare checks that the repositories exist at AWS, and creates them if told to.
func (t *target) prepare(ctx context.Context, functions []catalog.Function, create, dryRun bool) ([]ecrstate.Created, error) {
	if t.ecr == nil {
		return nil, nil
	}
	return t.ecr.Prepare(ctx, functions, t.replication, create, dryRun)
}

// login finds the credentials and the region: without one, that of the private registry. A
// missing region is a usage error.
func login(ctx context.Context, region, private string) (*awsauth.Session, error) {
	session, err := awsauth.New(ctx, region)
	if of := reference.RegionOf(private); errors.Is(err, awsauth.ErrRegion) && of != "" {
		session, err = awsauth.New(ctx, of)
	}
	if errors.Is(err, awsauth.ErrRegion) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	return session, session.Ready(ctx)
}

// login is [login], once for all that use the flags: each may ask for an MFA code.
func (f *targetFlags) login(ctx context.Context) (*awsauth.Session, error) {
	if f.session == nil && f.refused == nil {
		f.session, f.refused = login(ctx, f.first(), f.hosts.Private)
	}
	return f.session, f.refused
}

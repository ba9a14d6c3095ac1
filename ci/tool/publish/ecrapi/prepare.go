package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// regions returns a client for the registries of each region. The first has the public registry too.
func (r *Registry) regions() []*Registry {
	first := *r
	first.Hosts.Copies, first.Copies = nil, nil
	all := []*Registry{&first}
	for n, private := range r.Hosts.Copies {
		copied := first
		copied.Hosts, copied.Private = r.Hosts.Only(private), r.Copies[n]
		copied.Hosts.Public = ""
		all = append(all, &copied)
	}
	return all
}

// Prepare checks that the repositories of the functions exist, those at AWS, or come into being
// with a push, and that their tags can move: in every region. With create it creates those that are
// missing, with the settings of this program: a creation template is for what a push or a
// replication creates. In a dry run it changes nothing. It returns those that are missing, and who
// creates each.
func (r *Registry) Prepare(ctx context.Context, functions []catalog.Function, replication Replication, create, dryRun bool) ([]ecrstate.Created, error) {
	var created []ecrstate.Created
	var missing []func() error
	var errs []error
	for _, one := range r.regions() {
		region := ""
		if len(r.Copies) > 0 {
			region = one.Private.Options().Region
		}
		replicated := func(w Wanted) bool {
			return w.Tier == catalog.Private && replication.Carries(r.Hosts.Repository(w.Tier, w.Variant), one.Hosts.Repository(w.Tier, w.Variant))
		}
		wanted, err := one.check(ctx, functions, region, replicated, create, dryRun)
		errs = append(errs, err)
		for _, w := range wanted {
			c := ecrstate.Created{Repository: w.Name, Tier: w.Tier, By: w.by}
			if w.Tier == catalog.Private {
				c.Region = region
			}
			created = append(created, c)
			missing = append(missing, func() error {
				return in(c.Region, Create(ctx, one.Private, one.Public, w))
			})
		}
	}
	// Nothing is created where publish would then stop.
	if err := errors.Join(errs...); err != nil || !create || dryRun {
		return created, err
	}
	for _, create := range missing {
		errs = append(errs, create())
	}
	return created, errors.Join(errs...)
}

// in says in which region an error is, if there are several.
func in(region string, err error) error {
	if err == nil || region == "" {
		return err
	}
	return regionerr.Mark(region, fmt.Errorf("in %s: %w", region, err))
}

// check returns the repositories of one region that are missing. region is "" if it is the only one.
func (r *Registry) check(ctx context.Context, functions []catalog.Function, region string, replicated func(Wanted) bool, create, dryRun bool) (missing []Wanted, err error) {
	of := func(tier catalog.Registry, host string) []Wanted {
		return slices.DeleteFunc(Want(functions, r.Hosts), func(w Wanted) bool { return w.Tier != tier || host == "" })
	}
	wanted, err := Missing(ctx, r.Private, r.Public, of(catalog.Private, r.Hosts.Private))
	if err != nil {
		return nil, in(region, err)
	}
	public, err := Missing(ctx, r.Private, r.Public, of(catalog.Public, r.Hosts.Public))
	if err != nil {
		return nil, err
	}
	wanted = append(wanted, public...)
	var errs []error
	for _, w := range wanted {
		where, region := w.Name, region
		if w.Tier == catalog.Public {
			region = ""
		} else if region != "" {
			where += " in " + region
		}
		bad := func(err error) { errs = append(errs, regionerr.Mark(region, err)) }
		if tag := stuck(w.found, w.Images, w.Tags); tag != "" {
			bad(release(w.found, tag, r.Private.Options().Region, w.Tags))
		}
		if !w.Missing {
			continue
		}
		if !create {
			const fix = "create it with --create-repositories"
			var err error
			switch {
			case replicated(w):
				w.by = "the replication of ECR"
			case w.Tier == catalog.Private:
				w.by, err = r.byPush(ctx, w, dryRun)
			}
			switch {
			case dryRun && w.by == "": // the plan says that it is missing
			case err != nil:
				bad(fmt.Errorf("publish to the private repository %s: it does not exist, and %w; or %s", where, err, fix))
			case w.by == "":
				bad(fmt.Errorf("publish to the %s repository %s: it does not exist; %s", w.Tier, where, fix))
			}
		}
		missing = append(missing, w)
	}
	return missing, errors.Join(errs...)
}

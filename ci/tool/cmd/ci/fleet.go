//go:build !steps

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/alarmapi"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// fleetFlags name the account of the functions and the registry of their images.
type fleetFlags struct {
	targetFlags
	regional
}

func (f *fleetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	addEnvironment(cmd)
	flags.StringVar(&f.hosts.Private, "private-registry", "", privateUsage)
	addRegions(cmd, &f.region, "")
	flags.StringVar(&f.account, "account", "", "AWS account (default: the account of the credentials)")
}

// fleet reads and updates the functions in AWS and the registry of their images.
type fleet struct {
	regional
	hosts    reference.Hosts
	lambda   *lambdaapi.Client
	registry *registry.Client
	// ecr is set if the private registry is at AWS.
	ecr     *ecr.Client
	records *history.Store
	// who is the ARN of the caller, for the release records, and side its account and region.
	// Functions are called by name, so they are in the account of the caller.
	// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
	who  string
	side reference.Side
	// watch reads metrics and alarms.
	watch *alarmapi.Client
}

// open logs in to AWS and to the private registry, in one region.
func (f *fleetFlags) open(ctx context.Context, c *catalog.Catalog) (*fleet, error) {
	if _, err := oneRegion("this command", f.region); err != nil {
		return nil, err
	}
	session, err := f.login(ctx)
	if err != nil {
		return nil, err
	}
	caller, err := session.Caller(ctx)
	if err != nil {
		return nil, err
	}
	hosts := reference.Hosts{Private: inRegion(f.hosts.Private, session.Region)}.Of(c.Pipeline)
	if hosts.Private == "" {
		account := f.account
		if account == "" {
			account = caller.Account
		}
		hosts.Private = awsauth.PrivateHost(account, session.Region)
	}
	client := registry.NewClient(registry.Options{Keychain: session.Keychain(hosts)})
	side := reference.Side{Account: caller.Account, Region: session.Region}
	fl := &fleet{
		regional: f.regional, hosts: hosts, lambda: lambdaapi.New(session.Config), registry: client, who: caller.ARN, side: side, watch: alarmapi.New(session.Config),
		records: history.NewStore(client, reference.PrivateRepositories(c.Functions, hosts), side),
	}
	if _, ok := reference.ParseECR(hosts.Private); ok {
		session.InAccount(hosts)
		fl.ecr = session.ECR
	}
	return fl, nil
}

// parallel is how many tags are read at once.
const parallel = 16

// targets returns the images that the functions run after a deploy of the commit.
func (f *fleet) targets(ctx context.Context, functions []catalog.Function, commit string) ([]deploy.Target, error) {
	functions = catalog.Running(functions)
	items := reference.PrivateItems(functions, f.hosts, commit) // one for each function
	digests := make([]string, len(items))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, item := range items {
		g.Go(func() error {
			digest, ok, err := f.registry.Digest(gctx, item.Repository, item.CommitTag)
			if err != nil {
				return fmt.Errorf("deploy %s: %w", item.Image, err)
			}
			if ok {
				digests[n] = digest.String()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var targets []deploy.Target
	var missing []string
	for n, item := range items {
		if digests[n] == "" {
			if !slices.Contains(missing, item.CommitTag) {
				missing = append(missing, item.CommitTag)
			}
		}
		targets = append(targets, deploy.Target{Image: item.Image, Lambda: functions[n].Lambda, Repository: item.Repository, Digest: digests[n]})
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("not in the private registry %[2]s: %[1]s; publish first: bin/ci publish --commit %[3]s%[4]s%[5]s",
			strings.Join(missing, ", "), f.hosts.Private, commit, f.all, f.published(ctx, functions[0]))
	}
	return targets, nil
}

// published lists the commits whose image of the function the registry holds. It is empty
// if there is none.
func (f *fleet) published(ctx context.Context, function catalog.Function) string {
	item := reference.PrivateItems([]catalog.Function{function}, f.hosts, "")[0]
	tags, err := f.registry.Tags(ctx, item.Repository)
	if err != nil {
		return ""
	}
	var commits []string
	for _, tag := range tags {
		if name, ok := strings.CutPrefix(tag, item.CommitTag); ok && commit.Check(name) == nil {
			commits = append(commits, name)
		}
	}
	if len(commits) == 0 {
		return ""
	}
	return "\nthe registry holds these commits of " + function.Image + ": " + strings.Join(commits, ", ")
}

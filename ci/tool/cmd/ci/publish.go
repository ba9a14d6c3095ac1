//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/lock"
)

// publishFlags are the flags of publish.
type publishFlags struct {
	build      buildFlags
	target     targetFlags
	from       string
	commit     string
	allowDirty bool
	dryRun     bool
	create     bool
	force      bool
	latest     latestFlags
	serve      bool
	port       int
	parallel   int
	sign       signFlags
	// replication is how long to wait for ECR.
	replication time.Duration
}

func newPublish(a *app) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Build, audit and push the images, then move their latest tags",
		Long: `Build, audit and push the images, then move their latest tags.

Every image is pushed as NAME-COMMIT to the registry that its function names. A public
image is also pushed to the private registry (the deploy copy), because Lambda accepts
images only from there. Each image is read back. Only when all are correct, the
NAME-latest tags move, if the commit comes after the one that they name: by git, or in a
shallow clone by the committer's time. Else they stay, and a line says at which commit.
If anything fails, no latest tag moves, and the last line says
whether the same command continues where it stopped. An image that a repository already
holds is only tagged; none of its layers is sent.

Two documents are attached to each image by digest: the SBOM, which lists what the
image is made of, and the provenance, which says how it was built; see bin/ci sbom and
bin/ci provenance. The provenance in the public registry does not name the builder, its
run and the address of the sources.

With --sign, each document is also attached as a Sigstore bundle, which cosign and others
verify; bin/ci verify and bin/ci deploy --require-signed check it. With a key, nobody
else is told of it. keyless needs no key: a service of Sigstore certifies the identity of
the CI run, which all can read then.

With several regions, the private images and their documents go to the registry of each:
Lambda takes an image only from its own region. Where ECR replicates from the first region,
publish waits for that and sends only what is missing then. The latest tags move in all
regions or in none.

AWS credentials are found as by every AWS tool, and an MFA code is asked for on a
terminal; other registries use Docker's logins. ECR Public is asked for only if a
function is public. With --local everything goes to a registry that runs in this process
and stores its content in dist/registry.`,
		Example: `  bin/ci publish --commit abc1234
  bin/ci publish --dry-run
  bin/ci publish --commit abc1234 --sign awskms:///alias/lambdas
  bin/ci publish --region eu-central-1,us-east-1
  bin/ci publish --local --serve`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.publish(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.commit, "commit", "", "what is checked out, as tags are to name it: 7 to 40 hexadecimal digits (default: HEAD, short)")
	flags.BoolVar(&f.allowDirty, "allow-dirty", false, "publish with uncommitted changes")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done; send nothing")
	flags.BoolVar(&f.create, "create-repositories", false, "create the repositories that are missing")
	flags.BoolVar(&f.force, "force", false, "move a commit's tag to another image")
	f.latest.add(cmd)
	f.target.addLocal(cmd, "publish to a registry in this process, stored in dist/registry")
	flags.BoolVar(&f.serve, "serve", false, "with --local: serve the registry afterwards, until interrupted")
	flags.IntVar(&f.port, "port", 0, "with --local: port of the registry (default: a free one)")
	flags.IntVar(&f.parallel, "parallel", publish.DefaultParallel, "how many requests to send at once")
	flags.DurationVar(&f.replication, "replication-timeout", replicationTakes, "how long to wait for what ECR replicates to other regions, before sending it there")
	f.sign.add(cmd)
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

func (f *publishFlags) check() error {
	switch {
	case !f.target.local && (f.serve || f.port != 0):
		return usageError{errors.New("--serve and --port need --local")}
	case f.serve && f.dryRun:
		return usageError{errors.New("--serve cannot be combined with --dry-run, which publishes nothing to serve")}
	case f.replication < 0:
		return usageError{fmt.Errorf("--replication-timeout: %s is not a time to wait; pass one such as 5m, or 0", f.replication)}
	case f.parallel < 1:
		return usageError{fmt.Errorf("--parallel: %d is not a number of requests; pass 1 or more", f.parallel)}
	}
	if err := checkCommit("commit", f.commit); err != nil {
		return err
	}
	return errors.Join(checkPort(f.port), f.latest.check(), f.sign.check(), f.target.check())
}

// publish publishes, and says after a failure whether the same command goes on.
func (a *app) publish(cmd *cobra.Command, f *publishFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	err := a.publishAll(cmd, f)
	var usage usageError
	var unknown catalog.UnknownImageError
	switch ctx := cmd.Context(); {
	case err == nil, errors.As(err, &usage), errors.As(err, &unknown):
		return err
	case ctx.Err() != nil: // whatever failed because of that
		return storyError{publish.Stopped(publish.Interrupted(err), "nothing was published"), exitFailed}
	default:
		return passOthers(publish.Stopped(err, "nothing was published"), f.target.region)
	}
}

func (a *app) publishAll(cmd *cobra.Command, f *publishFlags) (err error) {
	start := time.Now()
	c, err := a.catalog()
	if err != nil {
		return err
	}
	name, err := commit.Choose(cmd.Context(), c.Root, f.commit, f.allowDirty)
	if err != nil {
		return err
	}
	if err := f.sign.open(cmd.Context()); err != nil {
		return err
	}
	made, images, gates, signer, err := a.audited(cmd, f, name, start)
	if err != nil {
		return err
	}
	// Nothing was sent to a registry before this line.
	var t *target
	var server *localregistry.Server
	if f.target.local {
		t, server, err = localTarget(c, f.port)
	} else {
		t, err = f.target.openAll(cmd.Context(), c, made.functions)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	tell := func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), "ci: "+line) }
	t.readReplication(cmd.Context(), tell)
	result := &publish.Result{DryRun: f.dryRun, Gates: gates, Signer: signer}
	if result.Created, err = t.prepare(cmd.Context(), made.functions, f.create, f.dryRun); err != nil {
		return err
	}
	items := t.replicated(reference.Items(made.functions, t.hosts, name))
	publisher := publish.NewPublisher(t.registry, f.parallel).Replicated(t.arrives, f.replication, tell)
	ctx, done := made.builder.Step(cmd.Context(), "read the registries")
	if result.Plan, err = planned(ctx, publisher, c.Root, name, items, images, f.force, &f.latest); err == nil {
		result.ReadLatest(t.platforms(ctx, made.builder.Cache))
	}
	done(err)
	if err != nil {
		return err
	}
	result.Hosts = t.hosts
	if !f.dryRun {
		ctx, done := made.builder.Step(cmd.Context(), "publish")
		if err = t.makeRoom(ctx, c.Functions, result.Plan, tell); err != nil {
			done(err)
			return err
		}
		result.Outcome, err = publisher.Run(ctx, result.Plan, images)
		if err == nil {
			result.Signatures = t.signatures(ctx, result.Plan, tell)
		}
		done(err)
		if err != nil {
			return err
		}
	}
	result.Seconds = time.Since(start).Seconds()
	err = a.print(cmd, result, func(w io.Writer) error {
		if err := result.Table(w); err != nil || !f.target.local || f.dryRun {
			return err
		}
		return printLocal(w, result.Steps[0], f.serve, server)
	})
	if err != nil || !f.serve {
		return err
	}
	return server.Wait(cmd.Context())
}

// planned compares the images with what is in the registries.
func planned(ctx context.Context, p *publish.Publisher, root, name string, items []reference.Item, images map[string]publish.Image, force bool, latest *latestFlags) (*publish.Plan, error) {
	state, err := p.Inspect(ctx, items, images)
	if err != nil {
		return nil, err
	}
	plan, err := publish.NewPlan(items, images, state, force)
	if err != nil {
		return nil, err
	}
	plan.Commit = name
	return plan, latest.forward(ctx, root, p, plan)
}

// held fails unless the commit holds what the images are built from.
func held(ctx context.Context, m *made, name string) error {
	c := m.builder.Catalog
	sources, err := gobuild.Discover(ctx, c, m.functions, m.builder.Sources())
	if err != nil {
		return err
	}
	others := []string{lock.File, catalog.PipelineFile, secret.RulesFile, audit.ExceptionsFile}
	for _, f := range m.functions {
		others = append(others, f.Folder+"/"+catalog.DescriptionFile)
		files, err := build.Files(c.Root, f)
		if err != nil {
			return err
		}
		others = slices.AppendSeq(others, maps.Values(files))
	}
	return commit.Holds(ctx, c.Root, name, func(fsys fs.FS) (map[string]string, error) { return sources.Read(fsys, others...) })
}

// audited builds the images and their documents, checks every gate, and compares the sources
// with the commit. It sends no request to
// the registries that publish pushes to.
func (a *app) audited(cmd *cobra.Command, f *publishFlags, name string, start time.Time) (*made, map[string]publish.Image, int, string, error) {
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return nil, nil, 0, "", err
	}
	hosts := f.target.expected().Of(m.builder.Catalog.Pipeline)
	expected := reference.Items(m.functions, hosts, name)
	pinned := !f.target.local && publish.NeedPins(expected)
	r, auditors, err := a.audit(cmd, m, pinned)
	if err != nil {
		return nil, nil, 0, "", err
	}
	if err := r.Err(); err != nil {
		return nil, nil, 0, "", fmt.Errorf("%w\nto see all gates: bin/ci audit", err)
	}
	images, err := publish.ReadImages(m.dir, m.functions, m.builder.Cache)
	if err != nil {
		return nil, nil, 0, "", err
	}
	for name, digest := range r.Digests {
		if images[name].Digest.String() != digest {
			return nil, nil, 0, "", registry.Later("publish " + name + ": another build replaced the image while it was checked")
		}
	}
	if !f.allowDirty {
		ctx, done := m.builder.Step(cmd.Context(), "compare the sources with the commit")
		err := held(ctx, m, name)
		done(err)
		if err != nil {
			return nil, nil, 0, "", err
		}
	}
	if pinned {
		if err := publish.CheckPins(expected, r.Unpinned); err != nil {
			return nil, nil, 0, "", err
		}
	}
	ctx, done := m.builder.Step(cmd.Context(), "make the documents")
	err = documents.Attach(ctx, m.builder.Catalog.Root, m.builder.Catalog.Pipeline.Identity, m.builder.Lock, m.builder.Cache, name, images, start, f.allowDirty)
	var attached []audit.Document
	if err == nil {
		attached, err = attachments(images, func(referrer.Artifact) bool { return true })
	}
	if err == nil {
		err = auditors.documents(ctx, attached)
	}
	done(err)
	if err != nil {
		return nil, nil, 0, "", err
	}
	signer, err := f.sign.sign(cmd.Context(), m, auditors, images, f.dryRun)
	return m, images, r.Passed(), signer, err
}

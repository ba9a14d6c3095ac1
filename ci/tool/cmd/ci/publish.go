//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/commit"
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
	local      bool
	serve      bool
	port       int
	parallel   int
}

func newPublish(a *app) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Build, audit and push the images, then move their latest tags",
		Long: `Build, audit and push the images, then move their latest tags.

Every image is pushed under NAME-COMMIT to the registry that its function names; a
public image goes to the private registry too, since Lambda takes it from nowhere
else. Each is read back, and only when all are right is any NAME-latest moved. A
failure moves none, and the same command goes on where it stopped. An image that a
repository has already is tagged there; none of its layers is sent.

What an image is made of (SBOM) and how it was made (provenance) is attached to it
by digest, in every repository; see ci sbom and ci provenance.

Credentials are those that every AWS tool finds; registries that are no ECR take
those of the docker client. With --local everything goes to a registry that runs in
this process and keeps what it is given in dist/registry.`,
		Example: `  ci publish --commit abc1234
  ci publish --dry-run
  ci publish --local --serve`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.publish(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.commit, "commit", "", "commit to publish under, 7 to 40 hexadecimal digits (default: HEAD)")
	flags.BoolVar(&f.allowDirty, "allow-dirty", false, "publish although the work tree has changes that no commit has")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and send nothing")
	flags.BoolVar(&f.create, "create-repositories", false, "make the repositories that are missing")
	flags.BoolVar(&f.force, "force", false, "give a commit's tag to another image than it has")
	flags.BoolVar(&f.local, "local", false, "publish to a registry in this process")
	flags.BoolVar(&f.serve, "serve", false, "with --local: serve the registry afterwards, until interrupted")
	flags.IntVar(&f.port, "port", 0, "with --local: port of the registry (default: a free one)")
	flags.IntVar(&f.parallel, "parallel", publish.DefaultParallel, "requests under way at once")
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

func (f *publishFlags) check() error {
	switch {
	case f.local && (f.target != targetFlags{}):
		return usageError{errors.New("--local goes with none of --private-registry, --public-registry, --region, --account and --public-alias")}
	case !f.local && (f.serve || f.port != 0):
		return usageError{errors.New("--serve and --port need --local")}
	case f.parallel < 1:
		return usageError{fmt.Errorf("--parallel: %d is not a number of requests; name 1 or more", f.parallel)}
	}
	if f.commit != "" {
		if err := commit.Check(f.commit); err != nil {
			return usageError{fmt.Errorf("--commit: %w", err)}
		}
	}
	return f.target.check()
}

func (a *app) publish(cmd *cobra.Command, f *publishFlags) (err error) {
	start := time.Now()
	if err := f.check(); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	name, err := commit.Choose(cmd.Context(), c.Root, f.commit, f.allowDirty)
	if err != nil {
		return err
	}
	made, images, gates, err := a.audited(cmd, f, name)
	if err != nil {
		return err
	}

	// From here on requests are made.
	var t *target
	var server *localregistry.Server
	if f.local {
		t, server, err = localTarget(c.Root, f.port)
	} else {
		t, err = f.target.open(cmd.Context())
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	result := &publish.Result{DryRun: f.dryRun, Gates: gates}
	if result.Created, err = t.prepare(cmd.Context(), made.functions, f.create, f.dryRun); err != nil {
		return err
	}
	if err := documents.Attach(cmd.Context(), c.Root, name, images, start, f.allowDirty); err != nil {
		return err
	}
	items := publish.Items(made.functions, t.hosts, name)
	publisher := publish.NewPublisher(t.registry, f.parallel)
	done := made.builder.Step("read the registries")
	state, err := publisher.Inspect(cmd.Context(), items, images)
	done()
	if err != nil {
		return err
	}
	if result.Plan, err = publish.NewPlan(items, images, state, f.force); err != nil {
		return err
	}
	result.Commit, result.Hosts = name, t.hosts
	if !f.dryRun {
		done := report.NewProgress(cmd.ErrOrStderr()).Sending("publish", result.Bytes, publisher.Sent)
		result.Outcome, err = publisher.Run(cmd.Context(), result.Plan, images)
		done()
		if err != nil {
			return err
		}
	}
	result.Seconds = time.Since(start).Seconds()
	err = a.print(cmd, result, func(w io.Writer) error {
		if err := result.Table(w); err != nil || !f.local || f.dryRun {
			return err
		}
		return printLocal(w, result.Steps[0], f.serve, server)
	})
	if err != nil || !f.serve || f.dryRun {
		return err
	}
	return server.Wait(cmd.Context())
}

// audited builds the images and asks every gate. It makes no request to where the
// images are to go.
func (a *app) audited(cmd *cobra.Command, f *publishFlags, name string) (*made, map[string]publish.Image, int, error) {
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return nil, nil, 0, err
	}
	r, err := a.audit(cmd, m)
	if err != nil {
		return nil, nil, 0, err
	}
	if err := r.Err(); err != nil {
		return nil, nil, 0, fmt.Errorf("%w\nnothing was published; `ci audit` shows all gates", err)
	}
	images, err := publish.ReadImages(m.dir, m.functions, m.builder.Cache)
	if err != nil {
		return nil, nil, 0, err
	}
	for name, digest := range r.Digests {
		if images[name].Digest.String() != digest {
			return nil, nil, 0, fmt.Errorf("publish %s: another build replaced the image while it was audited; run again", name)
		}
	}
	if !f.local {
		expected := publish.Items(m.functions, f.target.expected(), name)
		if err := publish.CheckPins(expected, images, m.builder.Lock); err != nil {
			return nil, nil, 0, err
		}
	}
	return m, images, r.Passed(), nil
}

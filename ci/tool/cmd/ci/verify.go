//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/verify"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/commit"
)

func newVerify(a *app) *cobra.Command {
	var f buildFlags
	var published publishedFlags
	var trust trustFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Build a commit again and compare it with what is published",
		Long: `Build a commit again and compare it with what is published, layer by layer.

The commit is checked out into a temporary folder and built there, with the Go
toolchain and the pinned images of that commit; your work tree is not touched. Each
image is compared with the one under the commit's tag in every repository, deploy
copies included. A difference is named by layer; for a binary, by Go version, module or
setting. If an image differs or is missing, the exit code is 1.

With --key, or with --certificate-identity and --certificate-oidc-issuer, the signatures of
publish --sign are checked too: each image has an SBOM and a provenance that these signed,
and the provenance names the image and the commit. If one is missing, the exit code is 1.

Pass the same --base, --ffmpeg and --platform as to publish. This program assembles the
layers: if it changed since the commit, run the program of that commit. The Go build
cache is used; to reuse nothing, set --cache and GOCACHE to empty folders.`,
		Example: "  bin/ci verify --commit abc1234\n  bin/ci verify --commit abc1234 --only thumb --json\n  bin/ci verify --commit abc1234 --key cosign.pub\n  bin/ci publish --local && bin/ci verify --local --commit $(git rev-parse --short=7 HEAD)",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(published.check(), trust.check()); err != nil {
				return err
			}
			r, err := a.verify(cmd, &f, &published, &trust)
			if err != nil {
				return err
			}
			return errors.Join(a.print(cmd, r, func(w io.Writer) error { return r.Table(w) }), r.Err())
		},
	}
	published.add(cmd, "commit to build and to compare with the registries")
	if err := cmd.MarkFlagRequired("commit"); err != nil {
		panic(err) // the flag was added a line above
	}
	trust.add(cmd)
	f.addAll(cmd)
	return cmd
}

func (a *app) verify(cmd *cobra.Command, f *buildFlags, published *publishedFlags, trust *trustFlags) (r *verify.Report, err error) {
	start := time.Now()
	here, err := a.builder(cmd, f)
	if err != nil {
		return nil, err
	}
	ctx, done := here.Step(cmd.Context(), "check out "+published.commit)
	root, remove, err := commit.Export(ctx, here.Catalog.Root, published.commit)
	done(err)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	there, err := verify.At(here, root)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", published.commit, err)
	}
	functions, err := there.Catalog.Select(f.only)
	if err != nil {
		return nil, err
	}
	t, err := published.target.openAll(cmd.Context(), here.Catalog, functions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	items := reference.Items(functions, t.hosts, published.commit)
	if err := verify.Any(cmd.Context(), t.registry, items, published.commit); err != nil {
		return nil, err
	}
	rebuilt, err := verify.Rebuild(cmd.Context(), there, functions)
	if err != nil {
		return nil, fmt.Errorf("build commit %s again: %w", published.commit, err)
	}
	r = &verify.Report{Commit: published.commit, Platform: verify.Platforms(rebuilt)}
	ctx, done = here.Step(cmd.Context(), "compare with the registries")
	if r.Places, err = verify.Check(ctx, t.registry, items, rebuilt); err == nil {
		err = trust.signedPlaces(ctx, t.registry, r.Places, published.commit)
	}
	done(err)
	r.Seconds = time.Since(start).Seconds()
	return r, err
}

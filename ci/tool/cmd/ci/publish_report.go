//go:build !steps

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/report"
)

// printPublished prints what was, or would be, done.
func (a *app) printPublished(cmd *cobra.Command, r *published, f *publishFlags, server *localregistry.Server) error {
	return a.print(cmd, r, func(w io.Writer) error {
		var rows [][]string
		for _, s := range r.Steps {
			rows = append(rows, publishRow(s))
		}
		if err := report.Table(w, []string{"IMAGE", "REPOSITORY", "TAG", "ACTION", "LAYERS", "MB", "LATEST", "DIGEST"}, rows); err != nil {
			return err
		}
		for _, name := range r.Created {
			verb := "created repository"
			if r.DryRun {
				verb = "repository is missing (--create-repositories makes it):"
			}
			fmt.Fprintln(w, verb, name)
		}
		fmt.Fprintln(w, summary(r))
		if f.local && !r.DryRun {
			printLocal(w, r, f, server)
		}
		return nil
	})
}

func publishRow(s publish.Step) []string {
	layers := 0
	for _, b := range s.Blobs {
		if b.Layer {
			layers++
		}
	}
	repository := s.Repository
	if s.DeployCopy {
		repository += " (deploy copy)"
	}
	latest := "stays"
	if s.MovesLatest {
		latest = "from " + short(s.LatestFrom)
	}
	if s.MovesLatest && s.LatestFrom == "" {
		latest = "new"
	}
	action := string(s.Action) + ": " + s.Why
	if s.Replaces != "" {
		action += ", replaces " + short(s.Replaces)
	}
	return []string{s.Image, repository, s.CommitTag, action, fmt.Sprint(layers), report.MB(s.Bytes), latest, short(s.Digest)}
}

func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

func summary(r *published) string {
	images := map[string]bool{}
	moved := 0
	for _, s := range r.Steps {
		images[s.Image] = true
		if s.MovesLatest {
			moved++
		}
	}
	head := fmt.Sprintf("%d images in %d places under %d tags", len(images), len(r.Steps), 2*len(r.Steps))
	if r.DryRun {
		return fmt.Sprintf("dry run: %s; would send %d layers, %d bytes, attach %d documents, %d bytes, and move %d latest tags; %d gates passed",
			head, r.Layers, r.Bytes, r.Attachments, r.AttachedBytes, moved, r.Gates)
	}
	text := fmt.Sprintf("%s; sent %d layers, %d bytes, attached %d documents, %d bytes, moved %d latest tags; %d gates passed, %s",
		head, r.Layers, r.Outcome.Sent, r.Attachments, r.Outcome.Attached, len(r.Outcome.Moved), r.Gates, report.Duration(seconds(r.Seconds)))
	if by := r.Outcome.SupersededBy; by != "" {
		text += fmt.Sprintf("\ncommit %s was published meanwhile, and latest is its", by)
	}
	return text
}

// printLocal tells how to get at what was published.
func printLocal(w io.Writer, r *published, f *publishFlags, server *localregistry.Server) {
	first := r.Steps[0]
	path := first.Repository[strings.Index(first.Repository, "/"):] + ":" + first.CommitTag
	if f.serve {
		fmt.Fprintf(w, "serving at %s until interrupted; for instance: docker pull %s%s\n", server.Host, server.Host, path)
		return
	}
	fmt.Fprintf(w, "all is in dist/registry; to pull: ci registry --port %d, then for instance: docker pull 127.0.0.1:%d%s\n",
		registryPort, registryPort, path)
}

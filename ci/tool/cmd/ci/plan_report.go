//go:build !steps

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// seeSources fills in what changed since the commits that the functions run.
func (p *planned) seeSources(cmd *cobra.Command, f *planFlags, c *catalog.Catalog, m *made) error {
	var since []string
	for n := range p.Functions {
		row := &p.Functions[n]
		if row.Since = f.since; row.Since == "" {
			row.Since = row.RunsCommit
		}
		if row.Since != "" && !slices.Contains(since, row.Since) {
			since = append(since, row.Since)
		}
	}
	if len(since) == 0 {
		p.NotSeen = append(p.NotSeen, "why images change: no commit is known to compare with; name one with --since")
		return nil
	}
	defer m.builder.Step("compare the sources")()
	packages, err := gobuild.Packages(cmd.Context(), c, m.functions, m.builder.Platform)
	if err != nil {
		return err
	}
	after, err := change.ReadVersions(func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			err = nil
		}
		return data, err
	})
	if err != nil {
		return err
	}
	for _, then := range since {
		s := change.Since{Root: c.Root, Packages: packages, After: after}
		s.Files, err = commit.Changed(cmd.Context(), c.Root, then)
		if err == nil {
			s.Before, err = change.ReadVersions(func(name string) ([]byte, error) {
				return commit.File(cmd.Context(), c.Root, then, name)
			})
		}
		if err != nil {
			p.unseen(err, "what changed since %s", then)
			continue
		}
		for _, function := range m.functions {
			if row := p.row(function.Image); row.Since == then {
				why := s.Of(function)
				row.Why = &why
			}
		}
	}
	return nil
}

// printPlanned prints what would be done.
func (a *app) printPlanned(cmd *cobra.Command, p *planned) error {
	return a.print(cmd, p, func(w io.Writer) error {
		var rows [][]string
		updates, seen := 0, 0
		for _, r := range p.Functions {
			rows = append(rows, []string{r.Image, r.publish(), report.MB(r.Bytes), r.runs(), deploy.Short(r.Digest), orUnknown(r.Deploy), r.why()})
			if r.Deploy != "" {
				seen++
			}
			if r.Deploy == "update" {
				updates++
			}
		}
		if err := report.Table(w, []string{"IMAGE", "PUBLISH", "MB", "RUNS NOW", "AFTER", "DEPLOY", "WHY"}, rows); err != nil {
			return err
		}
		text := "plan for commit " + p.Commit
		if slices.ContainsFunc(p.Functions, func(r plannedRow) bool { return len(r.Publish) > 0 }) {
			text += fmt.Sprintf("; publish would send %d bytes and attach %d documents", p.Bytes, p.Attachments)
		}
		if seen > 0 {
			text += fmt.Sprintf("; deploy would update %d of %d functions", updates, seen)
		}
		fmt.Fprintln(w, text)
		for _, s := range p.NotSeen {
			fmt.Fprintln(w, "not seen:", s)
		}
		return nil
	})
}

func orUnknown(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// publish names what publish would do, once if it is the same everywhere.
func (r plannedRow) publish() string {
	var actions []string
	for _, s := range r.Publish {
		text := string(s.Action)
		if !slices.ContainsFunc(r.Publish, func(o publish.Step) bool { return o.Action != s.Action }) {
			actions = []string{text}
			break
		}
		actions = append(actions, text+" "+string(s.Tier))
	}
	return orUnknown(strings.Join(actions, ", "))
}

func (r plannedRow) runs() string {
	switch {
	case r.Deploy == "":
		return "?"
	case r.RunsCommit == "":
		return deploy.Short(r.Runs)
	default:
		return deploy.Short(r.Runs) + " (" + r.RunsCommit + ")"
	}
}

// why says in a few words why the image is another one, or not.
func (r plannedRow) why() string {
	switch {
	case r.Why == nil && r.Deploy == "unchanged":
		return ""
	case r.Why == nil:
		return "?"
	case r.Deploy == "unchanged" && r.Why.None():
		return "nothing changed"
	case r.Deploy == "unchanged":
		return "the same in spite of " + r.Why.String()
	case r.Why.None() && r.Deploy == "update":
		return "no source changed since " + r.Since + "; its base, ffmpeg or Go differs"
	case r.Why.None():
		return "nothing changed since " + r.Since
	default:
		return r.Why.String()
	}
}

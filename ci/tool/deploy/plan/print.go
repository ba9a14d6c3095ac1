package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
)

// Table prints what would be done for each function, and what could not be read.
func (p *Plan) Table(w io.Writer) error {
	var rows [][]string
	updates, seen := 0, 0
	for _, r := range p.Functions {
		rows = append(rows, []string{r.Image, r.publish(), report.MB(r.Bytes), r.runs(), deploy.Short(r.Digest), orUnknown(r.Deploy), r.why()})
		if r.Deploy != "" {
			seen++
		}
		if r.Deploy == Update {
			updates++
		}
	}
	if err := report.Table(w, []string{"IMAGE", "PUBLISH", "MB", "RUNS NOW", "AFTER", "DEPLOY", "WHY"}, rows); err != nil {
		return err
	}
	text := "plan for commit " + p.Commit
	if slices.ContainsFunc(p.Functions, func(r Row) bool { return len(r.Publish) > 0 }) {
		text += fmt.Sprintf("; publish would send %d bytes and attach %s", p.Bytes, report.Count(p.Attachments, "document"))
	}
	if seen > 0 {
		text += fmt.Sprintf("; deploy would update %d of %s", updates, report.Count(seen, "function"))
	}
	fmt.Fprintln(w, text)
	for _, s := range p.NotSeen {
		fmt.Fprintln(w, "unknown:", s)
	}
	return nil
}

func orUnknown(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// publish names what publish would do, once if it is the same everywhere.
func (r Row) publish() string {
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

func (r Row) runs() string {
	switch {
	case r.Deploy == "":
		return "?"
	case r.RunsCommit == "":
		return deploy.Short(r.Runs)
	default:
		return deploy.Short(r.Runs) + " (" + r.RunsCommit + ")"
	}
}

// why says in a few words why the image changed, or did not.
func (r Row) why() string {
	switch {
	case r.Why == nil && r.Deploy == Unchanged:
		return ""
	case r.Why == nil:
		return "?"
	case r.Deploy == Unchanged && r.Why.None():
		return "nothing changed"
	case r.Deploy == Unchanged:
		return "same image, although these changed: " + r.Why.String()
	case r.Why.None() && r.Deploy == Update:
		return "no source changed since " + r.Since + "; the base, ffmpeg or Go differs"
	case r.Why.None():
		return "nothing changed since " + r.Since
	default:
		return r.Why.String()
	}
}

package retention

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Result is what retention does, or in a dry run would do.
type Result struct {
	DryRun  bool      `json:"dryRun,omitempty"`
	Private []Change  `json:"private"`
	Public  []Pruning `json:"public"`
	// Expire are the names of removed functions whose images are deleted.
	Expire []string `json:"expire,omitempty"`
	// NotRead are the regions of which it is unknown what is live, and Untouched says what is left
	// as it is because of that.
	NotRead   []string `json:"notRead,omitempty"`
	Untouched string   `json:"untouched,omitempty"`
}

// where names the repository, and its region if there are several.
func (c Change) where() string {
	if c.Region == "" {
		return c.Repository
	}
	return c.Region + ": " + c.Repository
}

// Table prints the changes of lifecycle policies, then the images that the program
// itself keeps and deletes.
func (r Result) Table(w io.Writer) error {
	pruned := slices.Clone(r.Public)
	for _, c := range r.Private {
		if c.policy == "" {
			fmt.Fprintf(w, "%s: no function needs this repository\n", c.where())
		} else if c.Diff == "" {
			fmt.Fprintf(w, "%s: the lifecycle policy is up to date\n", c.where())
		} else {
			if c.Region != "" {
				fmt.Fprintf(w, "%s: the lifecycle policy changes\n", c.where())
			}
			fmt.Fprint(w, c.Diff)
		}
		for _, s := range c.Shields {
			fmt.Fprintf(w, "%s: %s runs %s; the tag %s protects it\n", c.where(), s.Lambda, s.digest(), s.Tag)
		}
		if len(c.Images) > 0 {
			pruned = append(pruned, Pruning{Repository: c.where(), Images: c.Images})
		}
	}
	var rows [][]string
	var platforms []string
	for _, p := range pruned {
		for _, v := range p.Images {
			verdict := "keep"
			if v.Delete {
				verdict = "delete"
			}
			if len(v.Untag) > 0 {
				v.Why += "; these tags go: " + strings.Join(v.Untag, " ")
			}
			rows = append(rows, []string{p.Repository, report.Digest(v.Digest), tagsOf(v.Tags), v.Pushed.UTC().Format(time.DateTime), report.MB(v.Size), verdict, v.Why})
			platforms = append(platforms, v.Platform)
		}
	}
	header, rows, of := report.For([]string{"REPOSITORY", "DIGEST", "TAGS", "PUSHED (UTC)", "MB", "VERDICT", "WHY"}, rows, platforms)
	if len(rows) > 0 {
		if err := report.Table(w, header, rows); err != nil {
			return err
		}
	}
	for _, c := range r.Private {
		if len(c.Left) > 0 {
			fmt.Fprintf(w, "%s: a lifecycle policy has rules for %d names at most, so it has none for %s (%s to %s); this command deletes their older images, each time that it runs\n",
				c.where(), Ruled, report.Count(len(c.Left), "name"), c.Left[0], c.Left[len(c.Left)-1])
		}
		tidied(w, c.where(), c.Surplus, c.Old)
		if len(c.Archived) > 0 {
			var bytes int64
			for _, i := range c.Archived {
				bytes += i.Size
			}
			fmt.Fprintf(w, "%s: %s of %s MB are archived; they do not count here, and stay\n", c.where(), report.Count(len(c.Archived), "image"), report.MB(bytes))
		}
		lines := append(c.Warnings, told(c.Repository, c.Removed, r.Expire)...)
		for n := range lines {
			lines[n] = strings.TrimSuffix(c.where(), c.Repository) + lines[n]
		}
		warn(w, lines)
	}
	for _, p := range r.Public {
		tidied(w, p.Repository, p.Surplus, nil)
		warn(w, append(p.Warnings, told(p.Repository, p.Removed, r.Expire)...))
	}
	for _, name := range r.NotRead {
		fmt.Fprintf(w, "! %s: it is unknown what is live there, so nothing is changed there\n", name)
	}
	if r.Untouched != "" {
		fmt.Fprintln(w, "!", r.Untouched)
	}
	verb := "deleting"
	if r.DryRun {
		verb = "dry run: would delete"
	}
	text := verb + " " + sum("public", r.Public)
	if private := pruned[len(r.Public):]; len(private) > 0 {
		text += " and " + sum("private", private)
	}
	if of != "" {
		text += "; the images are" + of
	}
	_, err := fmt.Fprintf(w, "%s; checked %s\n", text, report.Count(len(r.Private), "lifecycle policy", "lifecycle policies"))
	return err
}

// digest is that of the image, and what it is for.
func (s Shield) digest() string {
	if s.Platform == "" {
		return report.Digest(s.Digest)
	}
	return report.DigestFor(s.Digest, s.Platform)
}

// maxPlatforms is of how many images ReadPlatforms asks, each for two answers of the registry.
const maxPlatforms = 200

// ReadPlatforms fills in for which platforms the images are that it prints; of more than a few
// hundred, it is unknown. read tells it of images of a repository of a region, by digest.
func (r *Result) ReadPlatforms(read func(region string, tier catalog.Registry, repository string, digests []string) map[string]string) {
	ask := func(region string, tier catalog.Registry, repository string, images []Verdict, shields []Shield) {
		found := map[string]string{}
		if len(images)+len(shields) <= maxPlatforms {
			var digests []string
			for _, v := range images {
				digests = append(digests, v.Digest)
			}
			for _, s := range shields {
				digests = append(digests, s.Digest)
			}
			found = read(region, tier, repository, digests)
		}
		of := func(digest string) string {
			if platform, ok := found[digest]; ok {
				return platform
			}
			return report.Unknown
		}
		for n := range images {
			images[n].Platform = of(images[n].Digest)
		}
		for n := range shields {
			shields[n].Platform = of(shields[n].Digest)
		}
	}
	for _, c := range r.Private {
		ask(c.Region, catalog.Private, c.Repository, c.Images, c.Shields)
	}
	for _, p := range r.Public {
		ask("", catalog.Public, p.Repository, p.Images, nil)
	}
}

// tagsOf shows the first tags, and counts the others.
func tagsOf(tags []string) string {
	const most = 5
	text := strings.Join(tags[:min(most, len(tags))], " ")
	if more := len(tags) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// tidied says which tags and documents are removed, from images that stay.
func tidied(w io.Writer, repository string, all []Surplus, old []string) {
	for _, s := range all {
		fmt.Fprintf(w, "%s: of %s, %s and %s of old commits go, which no release record and no other image needs\n",
			repository, report.Digest(s.Digest), report.Count(len(s.Tags), "tag"), report.Count(len(s.Documents), "document"))
	}
	if len(old) > 0 {
		fmt.Fprintf(w, "%s: %s of release records and of images that ran go, which no rollback can use: %s\n",
			repository, report.Count(len(old), "tag"), tagsOf(old))
	}
}

func warn(w io.Writer, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintln(w, "!", text)
	}
}

// sum says how many images are deleted from the repositories of a tier.
func sum(tier string, pruned []Pruning) string {
	total, bytes := 0, int64(0)
	for _, p := range pruned {
		n, b := deletes(p.Images)
		total, bytes = total+n, bytes+b
	}
	return fmt.Sprintf("%s of %s MB", report.Count(total, tier+" image"), report.MB(bytes))
}

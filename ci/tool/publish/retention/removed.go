package retention

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
)

// Removed are the images of a name that the repository is not for: its function was removed
// or renamed, or its images moved to another repository.
type Removed struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	Bytes  int64  `json:"bytes"`
	// live is a tag that says that a function ran one of the images, and elsewhere one that
	// says so of a function that was not asked.
	live, elsewhere string
}

// removed lists the names that the repository is not for.
func removed(images []Image, names Names, own reference.Side) []Removed {
	all := map[string]*Removed{}
	for _, i := range images {
		counted := map[string]bool{}
		for _, text := range i.Tags {
			t, ok := names.read(text, i.Digest)
			if !ok || names.has(t.name) {
				continue
			}
			r := all[t.name]
			if r == nil {
				r = &Removed{Name: t.name}
				all[t.name] = r
			}
			if (t.kind == liveKind || t.kind == shieldKind) && !copied(t.side, own) {
				r.live = text
				if t.side != own && t.side != (reference.Side{}) {
					r.elsewhere = text
				}
			}
			if !counted[t.name] {
				counted[t.name] = true
				r.Images++
				r.Bytes += i.Size
			}
		}
	}
	var list []Removed
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, *all[name])
	}
	return list
}

// expiring returns the names of a repository to expire: those of which it is asked. It fails
// for a name if a function ran its images, and it is not known which one.
func (f Facts) expiring(repository string, list []Removed) (map[string]bool, error) {
	names := map[string]bool{}
	for _, r := range list {
		if !slices.Contains(f.Expire, r.Name) {
			continue
		}
		if r.live != "" && !slices.ContainsFunc(f.Functions, func(fn Function) bool { return fn.Image == r.Name }) {
			return nil, fmt.Errorf("delete the images of %s in %s: the tag %s says that a function ran one, and no release record says which function; if it is gone, remove the tag, with --image-ids imageTag=%[3]s, and run the same command again; %s",
				r.Name, repository, r.live, errUnknown)
		}
		if r.elsewhere != "" {
			return nil, fmt.Errorf("delete the images of %s in %s: the tag %s says that a function of another account or region runs one; if it is gone, remove the tag, with --image-ids imageTag=%[3]s, and run the same command again; %s",
				r.Name, repository, r.elsewhere, errUnknown)
		}
		names[r.Name] = true
	}
	return names, nil
}

// told says of which names there are images, and how to delete them.
func told(repository string, list []Removed, expired []string) (lines []string) {
	for _, r := range list {
		if slices.Contains(expired, r.Name) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s of %s, %s MB; the catalog has no such image here, so no rule deletes them; to delete those that no function runs: bin/ci retention --removed %[3]s",
			repository, report.Count(r.Images, "image"), r.Name, report.MB(r.Bytes)))
	}
	return lines
}

// CheckRemoved fails for a name to expire of which no repository has images.
func (f Facts) CheckRemoved(private []Change, public []Pruning) error {
	found := map[string]bool{}
	for _, c := range private {
		for _, r := range c.Removed {
			found[r.Name] = true
		}
	}
	for _, p := range public {
		for _, r := range p.Removed {
			found[r.Name] = true
		}
	}
	for _, name := range f.Expire {
		if !found[name] {
			text := "there are no images of other names"
			if len(found) > 0 {
				text = "these have images: " + strings.Join(slices.Sorted(maps.Keys(found)), ", ")
			}
			return fmt.Errorf("--removed: no repository has images of %q that the catalog does not want there; %s", name, text)
		}
	}
	return nil
}

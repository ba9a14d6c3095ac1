package pin

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Refreshed says what happened to one entry of the lock file.
type Refreshed struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Before    string `json:"before,omitempty"`
	Now       string `json:"now,omitempty"`
	// Was and Is tell of the image for linux/amd64 before and now, as far as the
	// registry still has it.
	Was   *Facts `json:"was,omitempty"`
	Is    *Facts `json:"is,omitempty"`
	Error string `json:"error,omitempty"`
}

// Facts tell of an image for one platform.
type Facts struct {
	Size    int64     `json:"size"` // of the compressed layers, in bytes
	Layers  int       `json:"layers"`
	Created time.Time `json:"created"`
}

// shown is the platform that facts are about.
var shown = v1.Platform{OS: "linux", Architecture: "amd64"}

// Refresh asks for the digest of every image and the integrity of every npm package,
// and puts them into l. An entry without an answer stays as it is. today is the day
// that is noted beside a digest.
func Refresh(ctx context.Context, l *lock.Lock, mirrors lock.Mirrors, today time.Time) []Refreshed {
	var rows []Refreshed
	images := l.Images()
	for _, name := range slices.Sorted(maps.Keys(images)) {
		rows = append(rows, refresh(ctx, name, images[name], mirrors, today))
	}
	for _, arch := range slices.Sorted(maps.Keys(l.Static)) {
		static := l.Static[arch]
		for _, p := range []*lock.Package{&static.FFmpeg, &static.FFprobe} {
			row := Refreshed{Name: "static " + arch, Reference: p.Name + "@" + p.Version, Before: p.Integrity}
			if integrity, err := npm.Integrity(ctx, p.Name, p.Version); err != nil {
				row.Error = fmt.Sprintf("%s: %v", row.Name, err)
			} else {
				p.Integrity = integrity
			}
			row.Now = p.Integrity
			rows = append(rows, row)
		}
		l.Static[arch] = static
	}
	return rows
}

// refresh asks for the digest of one image.
func refresh(ctx context.Context, name string, i *lock.Image, mirrors lock.Mirrors, today time.Time) Refreshed {
	row := Refreshed{Name: name, Reference: i.Reference, Before: i.Digest}
	location, _ := mirrors.Of(i.Reference)
	digest, err := registry.Digest(ctx, location)
	if err != nil {
		row.Error, row.Now = fmt.Sprintf("%s: %v", name, err), i.Digest
		if i.Digest == "" {
			i.Unresolved = "no registry answered when this file was made; run `bin/ci lock` where one is reachable"
		}
		return row
	}
	row.Now = digest.String()
	row.Is = facts(ctx, location, row.Now)
	if row.Before != "" && row.Before != row.Now {
		row.Was = facts(ctx, location, row.Before)
	}
	// The day says when the digest was first read, so that a run that finds nothing
	// new leaves the file as it is.
	if row.Now != row.Before || !strings.HasPrefix(i.Source, read) {
		i.Source = read + today.UTC().Format(time.DateOnly)
	}
	i.Digest, i.Unresolved = row.Now, ""
	return row
}

// read begins the source of a digest that the registry itself gave.
const read = "read from its registry on "

// facts reads what an image is like; nil when the registry does not say.
func facts(ctx context.Context, location, digest string) *Facts {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil
	}
	img, err := registry.Image(ctx, location, hash, shown)
	if err != nil {
		return nil
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil
	}
	f := &Facts{Layers: len(manifest.Layers), Created: config.Created.Time}
	for _, l := range manifest.Layers {
		f.Size += l.Size
	}
	return f
}

// Table prints what happened to each entry; of an image that changed also how.
func Table(w io.Writer, rows []Refreshed) error {
	var cells [][]string
	for _, r := range rows {
		state := "unchanged"
		switch {
		case r.Now == "":
			state = "unresolved"
		case r.Error != "":
			state = "not refreshed"
		case r.Now != r.Before:
			state = "changed"
		}
		size, layers, created := r.Is.words()
		if r.Now != r.Before && r.Before != "" {
			was := []string{"gone", "gone", "gone"}
			if r.Was != nil {
				was[0], was[1], was[2] = r.Was.words()
			}
			size, layers, created = was[0]+" -> "+size, was[1]+" -> "+layers, was[2]+" -> "+created
		}
		if r.Is == nil {
			size, layers, created = "", "", ""
		}
		cells = append(cells, []string{r.Name, r.Reference, state, size, layers, created, r.Now})
	}
	if err := report.Table(w, []string{"NAME", "REFERENCE", "STATE", "MB", "LAYERS", "CREATED", "DIGEST"}, cells); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "MB, LAYERS and CREATED are those for %s; a digest is for all platforms\n", shown)
	return err
}

func (f *Facts) words() (size, layers, created string) {
	if f == nil {
		return "", "", ""
	}
	return report.MB(f.Size), fmt.Sprint(f.Layers), f.Created.UTC().Format(time.DateOnly)
}

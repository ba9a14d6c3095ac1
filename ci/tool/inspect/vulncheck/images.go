package vulncheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/inspect/osv"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// ffmpegModule is the module of findings in ffmpeg.
const ffmpegModule = "ffmpeg"

// FFmpeg says how the ffmpeg in heavy images was checked.
type FFmpeg struct {
	// Image is the reference that ffmpeg is copied from, or pin.Static.
	Image string `json:"image"`
	// Version is that of the image's tag.
	Version string `json:"version,omitempty"`
	// Database has the records, and Records is how many name ffmpeg.
	Database string `json:"database,omitempty"`
	Records  int    `json:"records"`
	// Unknown are the vulnerabilities of which the records do not say whether this
	// version has them.
	Unknown []Undecided `json:"unknown"`
	// Unchecked says why ffmpeg was not checked; empty if it was.
	Unchecked string `json:"unchecked,omitempty"`

	findings []Finding
}

// Undecided is a vulnerability that ffmpeg may have.
type Undecided struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"`
	Why     string   `json:"why"`
}

// Base says how the base image was checked.
type Base struct {
	Image string `json:"image"`
	// Unchecked says why the packages were not checked; empty if there are none.
	Unchecked string `json:"unchecked,omitempty"`
	// CheckedBy says what checks them.
	CheckedBy string `json:"checkedBy,omitempty"`
}

// CheckFFmpeg looks for vulnerabilities in the ffmpeg of an image reference, or of
// pin.Static. If the database cannot be read, the result says so; if the user named the
// database, it is an error.
func CheckFFmpeg(ctx context.Context, reference string, db *osv.Database, named bool) (*FFmpeg, error) {
	f := &FFmpeg{Image: reference, Unknown: []Undecided{}}
	if reference == pin.Static {
		f.Unchecked = "the versions of its npm packages are not those of ffmpeg; publish accepts it only on localhost"
		return f, nil
	}
	tag := licence.Programs(reference)[0].Version
	version, ok := osv.ParseVersion(tag)
	if !ok {
		f.Unchecked = fmt.Sprintf("its tag %q is not a version of ffmpeg, such as 9.0.2; name the image by such a tag", tag)
		return f, nil
	}
	f.Version, f.Database = tag, db.String()
	records, err := db.FFmpeg(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && named:
		return nil, fmt.Errorf("--osv: %w", err)
	case err != nil:
		f.Unchecked = err.Error()
		return f, nil
	}
	f.Records = len(records)
	for _, r := range records {
		switch j := r.Judge(version); j.Verdict {
		case osv.Affected:
			f.findings = append(f.findings, Finding{ID: r.ID, Aliases: r.Aliases, Summary: r.Summary, Module: ffmpegModule, Found: tag, Fixed: j.Fixed, Reach: InImage})
		case osv.Unknown:
			f.Unknown = append(f.Unknown, Undecided{ID: r.ID, Aliases: r.Aliases, Why: j.Why})
		}
	}
	return f, nil
}

// CheckBase says what is known of the base image: it reads no package database, because
// OSV has no ecosystem for Amazon Linux (github.com/ossf/osv-schema, April 2026).
func CheckBase(reference string) *Base {
	if reference == pin.Static {
		return &Base{Image: reference}
	}
	return &Base{
		Image:     reference,
		Unchecked: "OSV has no data on Amazon Linux",
		CheckedBy: "ECR's scan on push of the private repositories",
	}
}

// Add adds what was found in the images. functions has the catalog's entry of each
// function of the report, and ffmpeg is nil if none is heavy.
func (r *Report) Add(functions []catalog.Function, ffmpeg *FFmpeg, base *Base) {
	r.FFmpeg, r.Base = ffmpeg, base
	if ffmpeg == nil {
		return
	}
	for n, f := range functions {
		if f.Variant == catalog.Heavy {
			r.Functions[n].Findings = append(r.Functions[n].Findings, ffmpeg.findings...)
			slices.SortStableFunc(r.Functions[n].Findings, byReach)
		}
	}
	r.name()
}

// undecided tells whether something about ffmpeg is not known.
func (f *FFmpeg) undecided() bool { return f != nil && (f.Unchecked != "" || len(f.Unknown) > 0) }

// shownUnknown limits how many vulnerabilities a line names.
const shownUnknown = 5

func (f *FFmpeg) lines() []string {
	switch {
	case f == nil:
		return nil
	case f.Unchecked != "":
		return []string{fmt.Sprintf("ffmpeg (%s) was not checked: %s", f.Image, f.Unchecked)}
	}
	lines := []string{fmt.Sprintf("ffmpeg %s (%s): compared with %s of %s; the libraries linked into it were not checked",
		f.Version, f.Image, report.Count(f.Records, "record"), f.Database)}
	if len(f.Unknown) > 0 {
		var ids []string
		for _, u := range f.Unknown[:min(len(f.Unknown), shownUnknown)] {
			ids = append(ids, u.ID)
		}
		if left := len(f.Unknown) - len(ids); left > 0 {
			ids = append(ids, fmt.Sprintf("%d more", left))
		}
		lines = append(lines, fmt.Sprintf("ffmpeg %s: unknown, because the version does not decide it, for %s: %s; --json says why for each",
			f.Version, report.Count(len(f.Unknown), "record"), strings.Join(ids, ", ")))
	}
	return lines
}

func (b *Base) lines() []string {
	switch {
	case b == nil:
		return nil
	case b.Unchecked == "":
		return []string{fmt.Sprintf("base (%s): has no packages", b.Image)}
	default:
		return []string{fmt.Sprintf("base (%s): its packages were not checked: %s; %s checks them", b.Image, b.Unchecked, b.CheckedBy)}
	}
}

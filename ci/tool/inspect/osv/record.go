package osv

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Record is one vulnerability: https://ossf.github.io/osv-schema. It has the fields that
// are read.
type Record struct {
	ID        string     `json:"id"`
	Aliases   []string   `json:"aliases"`
	Summary   string     `json:"summary"`
	Withdrawn string     `json:"withdrawn"`
	Affected  []affected `json:"affected"`
}

type affected struct {
	Package  pkg      `json:"package"`
	Ranges   []events `json:"ranges"`
	Versions []string `json:"versions"`
}

type pkg struct {
	Ecosystem string `json:"ecosystem,omitempty"`
	Name      string `json:"name,omitempty"`
	PURL      string `json:"purl,omitempty"`
}

// events are a range: of versions, or of commits if its type is GIT.
type events struct {
	Type   string  `json:"type"`
	Repo   string  `json:"repo"`
	Events []event `json:"events"`
	// Specific has, for a range of commits, the versions from which OSV found them.
	Specific struct {
		Extracted []event `json:"extracted_events"`
		Versions  []event `json:"versions"`
	} `json:"database_specific"`
}

// event has one field.
type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// packages are the names under which the API has records of ffmpeg. It compares the
// names of repositories with regard to case.
var packages = []pkg{
	{Ecosystem: "GIT", Name: "https://git.ffmpeg.org/ffmpeg.git"},
	{Ecosystem: "GIT", Name: "https://github.com/FFmpeg/FFmpeg"},
	{Ecosystem: "GIT", Name: "https://github.com/ffmpeg/ffmpeg"},
	{Ecosystem: "GIT", Name: "https://code.ffmpeg.org/FFmpeg/FFmpeg"},
	{Ecosystem: "OSS-Fuzz", Name: "ffmpeg"},
}

// repositories are those of ffmpeg, in lower case.
var repositories = []string{
	"git.ffmpeg.org/ffmpeg", "source.ffmpeg.org/ffmpeg", "code.ffmpeg.org/ffmpeg/ffmpeg", "git.videolan.org/ffmpeg", "github.com/ffmpeg/ffmpeg",
}

// isFFmpeg tells whether a range is about ffmpeg's own repository.
func (e events) isFFmpeg() bool {
	_, repo, _ := strings.Cut(strings.ToLower(e.Repo), "://")
	return e.Type == "GIT" && slices.Contains(repositories, strings.TrimSuffix(strings.TrimRight(repo, "/"), ".git"))
}

// isFFmpeg tells whether the entry is about ffmpeg as its project publishes it. The
// packages of Linux distributions have other versions.
func (a affected) isFFmpeg() bool {
	if slices.ContainsFunc(a.Ranges, events.isFFmpeg) {
		return true
	}
	ours := strings.EqualFold(a.Package.Name, "ffmpeg") && slices.Contains([]string{"", "GIT", "OSS-Fuzz"}, a.Package.Ecosystem)
	return ours || strings.HasPrefix(a.Package.PURL, "pkg:generic/ffmpeg")
}

func (r Record) namesFFmpeg() bool { return slices.ContainsFunc(r.Affected, affected.isFFmpeg) }

func sorted(records map[string]Record) []Record {
	return slices.SortedFunc(maps.Values(records), func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
}

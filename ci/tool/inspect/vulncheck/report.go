package vulncheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"lambdas.internal/ci/tool/inspect/osv"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Function has the findings of one function.
type Function struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Folder is the folder of the function's module.
	Folder string `json:"folder"`
	// Modules is how many modules were examined, including the standard library.
	Modules int `json:"modules"`
	// Findings are ordered, the worst first.
	Findings []Finding `json:"findings"`
	// Reused is true if the findings are from the cache, because neither the function nor
	// the vulnerabilities changed.
	Reused  bool    `json:"reused,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Redeploys tells whether the function has to be built and deployed again.
func (f Function) Redeploys() bool { return slices.ContainsFunc(f.Findings, Finding.Redeploys) }

// Report has the findings of all functions.
type Report struct {
	// Database is the address of the database, and Modified the time of its last change.
	Database  string     `json:"database"`
	Modified  time.Time  `json:"modified,omitzero"`
	Functions []Function `json:"functions"`
	// FFmpeg says how ffmpeg was checked; nil if no function has it in its image.
	FFmpeg *FFmpeg `json:"ffmpeg,omitempty"`
	// Base says how the base image was checked.
	Base *Base `json:"base,omitempty"`
	// Published is what ECR has found in what the functions run; nil if it was not asked.
	Published []Published `json:"published,omitempty"`
	// Redeploy are the images of the functions that have to be built again.
	Redeploy []string `json:"redeploy"`
	Seconds  float64  `json:"seconds"`
}

// NewReport returns the report on the functions.
func NewReport(database string, modified time.Time, functions []Function) *Report {
	r := &Report{Database: database, Modified: modified, Functions: functions}
	r.name()
	return r
}

// name names the functions to redeploy.
func (r *Report) name() {
	r.Redeploy = []string{}
	for _, f := range r.Functions {
		if f.Redeploys() {
			r.Redeploy = append(r.Redeploy, f.Image)
		}
	}
}

// Err is an error if a function has to be redeployed, or if nothing was examined.
func (r *Report) Err() error {
	vulnerabilities := map[string]bool{}
	for _, f := range r.Functions {
		if f.Modules == 0 {
			return fmt.Errorf("vulncheck %s: no module was examined, so the result is unknown", f.Image)
		}
		for _, finding := range f.Findings {
			if finding.Redeploys() {
				vulnerabilities[finding.ID] = true
			}
		}
	}
	switch {
	case len(r.Functions) == 0:
		return fmt.Errorf("vulncheck: no function was examined")
	case len(r.Redeploy) == 0:
		return nil
	}
	if len(vulnerabilities) == 0 { // only ECR has found some
		return fmt.Errorf("vulncheck: ECR has found vulnerabilities in what functions run; build from a newer base or with newer modules, and redeploy: %s", strings.Join(r.Redeploy, ", "))
	}
	return fmt.Errorf("vulncheck: %s reached by %s; move to the fixed versions and redeploy: %s",
		count(len(vulnerabilities), "vulnerability is", "vulnerabilities are"), count(len(r.Redeploy), "function", "functions"), strings.Join(r.Redeploy, ", "))
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Fix is the update of a module, or of ffmpeg, to a version without vulnerabilities.
type Fix struct {
	Module, Version string
	// Folders are the folders of the functions that need the fix.
	Folders []string
}

// String says what to do. The standard library is updated with the Go toolchain.
func (f Fix) String() string {
	switch f.Module {
	case "stdlib":
		return fmt.Sprintf("go.work: toolchain go%s", strings.TrimPrefix(f.Version, "v"))
	case ffmpegModule:
		return fmt.Sprintf("ffmpeg %s: edit ffmpeg's reference in %s, then bin/ci lock", f.Version, lock.File)
	}
	return fmt.Sprintf("go get %s@%s in %s", f.Module, f.Version, strings.Join(f.Folders, ", "))
}

// Fixes returns the updates that fix the vulnerabilities because of which functions are
// redeployed, as far as fixed versions exist.
func (r *Report) Fixes() []Fix {
	var fixes []Fix
	for _, f := range r.Functions {
		for _, finding := range f.Findings {
			if !finding.Redeploys() || finding.Fixed == "" {
				continue
			}
			n := slices.IndexFunc(fixes, func(x Fix) bool { return x.Module == finding.Module })
			if n < 0 {
				n = len(fixes)
				fixes = append(fixes, Fix{Module: finding.Module})
			}
			fixes[n].Version = later(finding.Module, fixes[n].Version, finding.Fixed)
			if !slices.Contains(fixes[n].Folders, f.Folder) {
				fixes[n].Folders = append(fixes[n].Folders, f.Folder)
			}
		}
	}
	return fixes
}

// later returns the later of two versions of a module.
func later(module, a, b string) string {
	if module == ffmpegModule {
		va, _ := osv.ParseVersion(a)
		if vb, _ := osv.ParseVersion(b); va.Compare(vb) < 0 {
			return b
		}
		return a
	}
	if semver.Compare(a, b) < 0 {
		return b
	}
	return a
}

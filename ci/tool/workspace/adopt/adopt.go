package adopt

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Proposal is what makes a repository a workspace.
type Proposal struct {
	// Functions are those without an image.json; Known have one.
	Functions []catalog.Function `json:"functions"`
	Known     []string           `json:"known,omitempty"`
	// Others are programs that do not use the library of Lambda.
	Others []string `json:"others,omitempty"`
	// Written are the files, relative to the root, and Kept those that were there.
	Written []string `json:"written"`
	Kept    []string `json:"kept,omitempty"`
	// Decide is what only people know, and Missing what is to be done before a build.
	Decide  []string `json:"decide"`
	Missing []string `json:"missing,omitempty"`
	// Offers is what is not needed, but would be better.
	Offers []string `json:"offers,omitempty"`
	files  map[string][]byte
}

// Propose looks for the functions of the repository at root. toolchain is the Go version of
// a repository that pins none.
func Propose(root, toolchain string) (*Proposal, error) {
	s, err := look(root)
	if err != nil {
		return nil, err
	}
	p := &Proposal{files: map[string][]byte{}}
	if err := p.functions(s); err != nil {
		return nil, err
	}
	if err := p.workspace(s, toolchain); err != nil {
		return nil, err
	}
	p.describe(s)
	return p, nil
}

// functions finds the programs that are functions.
func (p *Proposal) functions(s *survey) error {
	names := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(s.packages)) {
		if !s.packages[folder].program {
			continue
		}
		known, err := s.there(path.Join(folder, catalog.DescriptionFile))
		if err != nil {
			return err
		}
		if known {
			p.Known = append(p.Known, folder)
			continue
		}
		reached := s.reach(folder)
		if !slices.ContainsFunc(reached, func(p *goPackage) bool { return p.lambda }) {
			p.Others = append(p.Others, folder)
			continue
		}
		f := catalog.Function{Folder: folder, Image: imageName(folder, s, names), Variant: catalog.Light, Registry: catalog.Private, Reason: "private until somebody decides otherwise"}
		names[f.Image] = true
		f.Lambda = camel(f.Image)
		if slices.ContainsFunc(reached, func(p *goPackage) bool { return p.ffmpeg }) {
			f.Variant = catalog.Heavy
		}
		if s.arm64 != "" && s.amd64 == "" {
			f.Architecture = "arm64"
		}
		p.Functions = append(p.Functions, f)
		p.requires(s, folder)
		data, err := catalog.Describe(f)
		if err != nil {
			return err
		}
		p.files[path.Join(folder, catalog.DescriptionFile)] = data
	}
	return nil
}

// requires notes what the module of the function lacks.
func (p *Proposal) requires(s *survey, folder string) {
	module := s.module(folder)
	note := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(p.Missing, text) {
			p.Missing = append(p.Missing, text)
		}
	}
	if module == "" {
		note("%s: has no go.mod, here or above; run: go mod init", folder)
		return
	}
	for _, r := range s.modules[module].Require {
		if r.Mod.Path+"/" == runtimeLibrary && semver.Compare(r.Mod.Version, gobuild.RuntimeVersion) < 0 {
			note("%s: require %s %s: it does not know the Lambda Runtime API; run: go -C %s get %s@latest", path.Join(module, "go.mod"), r.Mod.Path, r.Mod.Version, module, r.Mod.Path)
		}
	}
}

// workspace proposes the files of the workspace.
func (p *Proposal) workspace(s *survey, toolchain string) error {
	if there, err := s.there(catalog.PipelineFile); err != nil || there {
		p.Kept = append(p.Kept, catalog.PipelineFile)
		if err != nil {
			return err
		}
	} else {
		pipeline := catalog.Pipeline{
			Schema: path.Base(catalog.SchemaFile), Functions: p.patterns(), Proprietary: catalog.Paths{catalog.None}, FFmpeg: catalog.Path(p.ffmpeg(s)),
			Repositories: repositories(filepath.Base(s.root)),
		}
		pinned, err := p.pins(s)
		if err != nil {
			return err
		}
		if !pinned {
			pipeline.Toolchain = toolchain
		}
		var b strings.Builder
		if err := report.JSON(&b, pipeline); err != nil {
			return fmt.Errorf("propose %s: %w", catalog.PipelineFile, err)
		}
		p.files[catalog.PipelineFile], p.files[catalog.SchemaFile] = []byte(b.String()), catalog.Schema
	}
	if there, err := s.there(lock.File); err != nil || there {
		p.Kept = append(p.Kept, lock.File)
		return err
	}
	data, err := lock.Default(toolchain).Encode()
	p.files[lock.File] = data
	return err
}

// pins tells whether go.work, or the go.mod at the root, pins a Go toolchain.
func (p *Proposal) pins(s *survey) (bool, error) {
	work, err := catalog.GoWork(s.root)
	switch {
	case err == nil:
		uses := map[string]bool{}
		for _, use := range work.Use {
			uses[path.Clean(filepath.ToSlash(use.Path))] = true
		}
		for _, f := range p.Functions {
			if module := s.module(f.Folder); module != "" && !uses[module] {
				text := fmt.Sprintf("go.work: does not use ./%s; run: go work use ./%s", module, module)
				if !slices.Contains(p.Missing, text) {
					p.Missing = append(p.Missing, text)
				}
			}
		}
		if work.Toolchain == nil {
			p.Offers = append(p.Offers, "go.work pins no Go toolchain, so "+catalog.PipelineFile+" does; to pin it for every go command: go work edit -toolchain VERSION")
		}
		return work.Toolchain != nil, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	modules := map[string]bool{}
	for _, f := range p.Functions {
		modules[s.module(f.Folder)] = true
	}
	if len(modules) > 1 {
		p.Offers = append(p.Offers, "there is no go.work, so each module is built by itself; with one, they are built at once and choose the same versions: go work init, then go work use -r .")
	}
	mod := s.modules["."]
	if mod == nil || mod.Toolchain == nil {
		p.Offers = append(p.Offers, "no go.work and no go.mod at the root pins a Go toolchain, so "+catalog.PipelineFile+" does")
	}
	return mod != nil && mod.Toolchain != nil, nil
}

// patterns are the globs of the functions' folders, without the other programs.
func (p *Proposal) patterns() []string {
	var all, folders []string
	for _, f := range p.Functions {
		folders = append(folders, f.Folder)
	}
	folders = append(folders, p.Known...)
	for _, folder := range folders {
		pattern := path.Join(path.Dir(folder), "*")
		if path.Dir(folder) == "." { // all of the repository would be too much
			pattern = folder
		}
		if !slices.Contains(all, pattern) {
			all = append(all, pattern)
		}
	}
	slices.Sort(all)
	for _, other := range p.Others {
		if slices.ContainsFunc(all, func(pattern string) bool { ok, err := path.Match(pattern, other); return ok && err == nil }) {
			all = append(all, "!"+other)
		}
	}
	return all
}

// ffmpeg is the only package, besides programs, that runs ffmpeg; else none.
func (p *Proposal) ffmpeg(s *survey) string {
	var found []string
	for _, folder := range slices.Sorted(maps.Keys(s.packages)) {
		if s.packages[folder].ffmpeg {
			found = append(found, folder)
		}
	}
	if len(found) == 1 && !s.packages[found[0]].program {
		return found[0]
	}
	return catalog.None
}

// describe says what the sources do not tell.
func (p *Proposal) describe(s *survey) {
	if len(p.Functions) == 0 && len(p.Known) == 0 {
		p.Missing = append(p.Missing, "no program here imports "+runtimeLibrary+"lambda, so there is no function; run init in the repository that has them")
		return
	}
	if len(p.Functions) == 0 {
		return
	}
	p.Decide = append(p.Decide,
		"registry: each image is private until its image.json says public; then say in "+catalog.PipelineFile+" what is proprietary",
		"lambda: the names in AWS are guessed from the folders; correct them in each image.json before the first deploy")
	switch {
	case s.arm64 != "" && s.amd64 != "":
		p.Decide = append(p.Decide, fmt.Sprintf("architecture: %s says arm64, %s says amd64; the images are for amd64 until image.json says \"architecture\": \"arm64\"", s.arm64, s.amd64))
	case s.arm64 != "":
		p.Decide = append(p.Decide, "architecture: arm64, because "+s.arm64+" says so; remove it from image.json where that is wrong")
	}
	for _, f := range p.Functions {
		if f.Variant == catalog.Heavy {
			p.Decide = append(p.Decide, fmt.Sprintf("variant: %s is heavy, with ffmpeg in its image, because its sources name that program", f.Image))
		}
	}
}

// Write writes the files that are not there, and returns what is wrong with the workspace then.
func (p *Proposal) Write(root string) error {
	if len(p.Functions) == 0 && len(p.Known) == 0 {
		return errors.New("nothing was written: " + strings.Join(p.Missing, "; "))
	}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := cache.WriteFile(file, p.files[name]); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		p.Written = append(p.Written, name)
	}
	return nil
}

// Files are the files that [Proposal.Write] writes.
func (p *Proposal) Files() []string { return slices.Sorted(maps.Keys(p.files)) }

// Check adds to what is missing what the workspace lacks now.
func (p *Proposal) Check(root string) {
	_, err := catalog.Load(root)
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		about, _, _ := strings.Cut(line, "; ")
		if !slices.ContainsFunc(p.Missing, func(m string) bool {
			return strings.HasPrefix(m, about) || strings.HasPrefix(line, "go.work: use: does not list") && strings.HasPrefix(m, "go.work: does not use")
		}) {
			p.Missing = append(p.Missing, line)
		}
	}
}

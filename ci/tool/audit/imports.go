package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// chain shows the imports that lead from the function to the package.
func chain(from map[string]string, to string) string {
	steps := []string{to}
	for at := from[to]; at != ""; at = from[at] {
		steps = append(steps, at)
	}
	slices.Reverse(steps)
	return strings.Join(steps, " -> ")
}

// CheckImports fails a public function that reaches, by import or by embedding, anything
// below the private folders, or a package of the workspace that a private function reaches
// too and that is not among the packages that both may have. Every file is judged by where
// it really is.
func CheckImports(f catalog.Function, g *gobuild.Graph, private []string, shared Shared) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Imports)
	}
	hidden := func(at string) bool {
		return slices.ContainsFunc(private, func(dir string) bool { return catalog.Within(at, dir) })
	}
	order, from := g.Reach(f)
	var findings, unlisted []string
	var why string
	embedded := 0
	for _, p := range order {
		folder := g.Folder(p)
		embedded += len(p.EmbedFiles)
		if folder == "" && len(p.Real) == 0 {
			continue // it is outside the workspace
		}
		if hidden(folder) {
			findings = append(findings, fmt.Sprintf("%s is public, but imports private code: %s", f.Image, chain(from, p.ImportPath)))
			continue
		}
		if by, ok := shared.reached[folder]; ok && !slices.Contains(shared.allowed, folder) {
			unlisted = append(unlisted, fmt.Sprintf("%q", folder))
			why = fmt.Sprintf("%s of the private %s: %s", folder, by, chain(from, p.ImportPath))
		}
		for _, name := range p.Files() {
			at := g.File(p, name)
			if at == "" || !hidden(path.Dir(at)) {
				continue
			}
			does := "imports"
			if slices.Contains(p.EmbedFiles, name) {
				does = "embeds"
			}
			findings = append(findings, fmt.Sprintf("%s is public, but %s the private file %s: %s", f.Image, does, at, chain(from, p.ImportPath)))
		}
	}
	if len(unlisted) > 0 {
		findings = append(findings, fmt.Sprintf("%s is public, but imports %s; if all may read it, add to `packages` in %s: %s",
			f.Image, why, ExceptionsFile, strings.Join(unlisted, ", ")))
	}
	return check(f.Image, Imports, len(order), report.Count(len(order), "package")+", "+report.Count(embedded, "embedded file"), findings)
}

// Shared are the packages of the workspace that private functions reach.
type Shared struct {
	reached map[string]string // the private function that reaches it, by folder: one may have several import paths
	allowed []string          // folders of the packages that public functions may reach too
}

// NewShared returns what the private functions reach. Public functions may reach the
// packages in the folders that are allowed.
func NewShared(functions []catalog.Function, g *gobuild.Graph, allowed []string) Shared {
	s := Shared{reached: map[string]string{}, allowed: allowed}
	for _, f := range functions {
		if f.Registry != catalog.Private {
			continue
		}
		order, _ := g.Reach(f)
		for _, p := range order {
			if folder := g.Folder(p); folder != "" && s.reached[folder] == "" {
				s.reached[folder] = f.Image
			}
		}
	}
	return s
}

// ffmpegIn returns the last of ffmpeg's programs that the layers have; "" if they have none.
func ffmpegIn(layers []LayerFacts) (there string) {
	for _, l := range layers {
		for _, program := range programs[1:] {
			if _, ok := l.Files[program]; ok {
				there = program
			}
		}
	}
	return there
}

// CheckFFmpeg fails an image that has ffmpeg but does not use it, or the reverse. What imports
// the package in dir uses it; if there is none, the variant says so.
func CheckFFmpeg(f catalog.Function, g *gobuild.Graph, layers []LayerFacts, dir string) Check {
	order, from := g.Reach(f)
	used := ""
	for _, p := range order {
		if g.Folder(p) == dir {
			used = chain(from, p.ImportPath)
		}
	}
	there := ffmpegIn(layers)
	var findings []string
	switch {
	case dir == "" && (there != "") != (f.Variant == catalog.Heavy):
		findings = append(findings, fmt.Sprintf("`variant` of %s/%s is %s, which its image is not", f.Folder, catalog.DescriptionFile, f.Variant))
	case dir == "":
	case used != "" && there == "":
		findings = append(findings, fmt.Sprintf("%s uses ffmpeg (%s), but its image does not have it; set `variant` to heavy in %s/%s",
			f.Image, used, f.Folder, catalog.DescriptionFile))
	case used == "" && there != "":
		findings = append(findings, fmt.Sprintf("the image has /%s, but %s does not import %s; set `variant` to light in %s/%s",
			there, f.Image, dir, f.Folder, catalog.DescriptionFile))
	}
	return check(f.Image, FFmpeg, min(len(order), len(layers)), report.Count(len(order), "package")+", "+report.Count(len(layers), "layer"), findings)
}

// Package catalog reads which Lambda functions the workspace has: one per folder that
// ci/pipeline.json names, which are those in functions/ if it does not say so, described by
// the image.json in it. There is no other list of functions.
package catalog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// Dir is the folder of the functions, relative to the workspace root, unless [PipelineFile]
// says where they are.
const Dir = "functions"

// DescriptionFile is the file in a function's folder that describes its image.
const DescriptionFile = "image.json"

// Variant says whether an image has ffmpeg.
type Variant string

// The variants.
const (
	Light Variant = "light" // base and binary
	Heavy Variant = "heavy" // base, ffmpeg and binary
)

// Registry says who may pull an image.
type Registry string

// The registries.
const (
	Private Registry = "private"
	Public  Registry = "public"
)

// Function is one Lambda function and its image.
type Function struct {
	// Folder is the function's folder, slash-separated, relative to the root.
	Folder string `json:"folder"`
	// Image is the name of the image. Its tags are {image}-{commit} and {image}-latest.
	Image string `json:"image"`
	// Variant says whether the image has the ffmpeg layer.
	Variant Variant `json:"variant"`
	// Registry says who may pull the image.
	Registry Registry `json:"registry"`
	// Lambda is the function's name in AWS.
	Lambda string `json:"lambda"`
	// Reason says in a few words why the image is in that registry.
	Reason string `json:"reason"`
	// Budget limits the image's size, if image.json has one.
	Budget Budget `json:"budget,omitzero"`
	Options
	// Module is the folder of the Go module that has the program, and Program where the
	// program is in the folder of all programs. [Load] fills them in.
	Module  string `json:"-"`
	Program string `json:"-"`
}

// Catalog is the list of all functions of a workspace.
type Catalog struct {
	// Root is the absolute path of the workspace.
	Root string
	// Toolchain is the Go toolchain that go.work pins, such as "go1.26.8".
	Toolchain string
	// Alone is true if there is no go.work: every module is built by itself.
	Alone bool
	// Pipeline is what is particular to this workspace.
	Pipeline Pipeline
	// Functions are ordered by image name.
	Functions []Function
}

// Problem is one problem of the workspace. It prints as one line: file, field, fix.
type Problem struct {
	File  string // relative to the root
	Field string // empty for a problem of the whole file
	Fix   string // what is wrong, and what to do
}

func (p Problem) Error() string {
	if p.Field == "" {
		return p.File + ": " + p.Fix
	}
	return p.File + ": " + p.Field + ": " + p.Fix
}

// Load reads and validates the workspace at root. Its error joins every
// [Problem] found, so that all can be fixed at once.
func Load(root string) (*Catalog, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root) // as git and the go command name it
	}
	if err != nil {
		return nil, fmt.Errorf("find the workspace: %w", err)
	}
	pipeline, err := LoadPipeline(root)
	if err != nil {
		return nil, err
	}
	work, err := readWork(root, pipeline)
	if err != nil {
		return nil, err
	}
	folders, problems, err := folders(root, pipeline)
	if err != nil {
		return nil, err
	}
	problems = append(problems, work.stale...)
	c := &Catalog{Root: root, Toolchain: work.toolchain, Alone: work.uses == nil, Pipeline: pipeline}
	for _, folder := range folders {
		f, errs := readFunction(root, folder, work)
		problems = append(problems, errs...)
		c.Functions = append(c.Functions, f)
	}
	if len(c.Functions) == 0 && len(problems) == 0 {
		return nil, none(pipeline.Functions)
	}
	problems = append(problems, conflicts(c.Functions)...)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	slices.SortFunc(c.Functions, func(a, b Function) int { return strings.Compare(a.Image, b.Image) })
	separate(c.Functions)
	return c, nil
}

// Others returns all functions but one.
func (c *Catalog) Others(f Function) []Function {
	return slices.DeleteFunc(slices.Clone(c.Functions), func(of Function) bool { return of.Image == f.Image })
}

// UnknownImageError names an image that no function makes.
type UnknownImageError struct {
	Name  string
	Known []string
}

func (e UnknownImageError) Error() string {
	return fmt.Sprintf("no image is named %q%s; the images are %s", e.Name, suggest(e.Name, e.Known), strings.Join(e.Known, ", "))
}

// Select returns the functions with the given image names, in catalog order; no name
// selects all. An unknown name is an [UnknownImageError], which suggests the nearest.
func (c *Catalog) Select(images []string) ([]Function, error) {
	if len(images) == 0 {
		return slices.Clone(c.Functions), nil
	}
	known := make([]string, len(c.Functions))
	for i, f := range c.Functions {
		known[i] = f.Image
	}
	for _, name := range images {
		if !slices.Contains(known, name) {
			return nil, UnknownImageError{name, known}
		}
	}
	return slices.DeleteFunc(slices.Clone(c.Functions), func(f Function) bool { return !slices.Contains(images, f.Image) }), nil
}

// GoWork reads the go.work of the workspace at root.
func GoWork(root string) (*modfile.WorkFile, error) {
	data, err := ReadFile(root, "go.work")
	if err != nil {
		return nil, err
	}
	return modfile.ParseWork("go.work", data, nil)
}

// Within tells whether a slash-separated path is the folder, or in it.
func Within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// GoMod reads the go.mod with the name, relative to the workspace at root.
func GoMod(root, name string) (*modfile.File, error) {
	data, err := ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(name, data, nil)
}

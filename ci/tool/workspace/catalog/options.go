package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Options are the fields of image.json that have a default.
type Options struct {
	// Package is the folder of the program, relative to that of image.json.
	Package string `json:"package,omitempty"`
	// Architecture is amd64 or arm64; "" for amd64.
	Architecture string `json:"architecture,omitempty"`
	// Tags are build tags, and LDFlags flags of the linker: see [ldflag].
	Tags    []string `json:"tags,omitempty"`
	LDFlags []string `json:"ldflags,omitempty"`
	// Files are files and folders that are copied to the task root: see [Function.Copies].
	Files []string `json:"files,omitempty"`
	// Environment are variables of the image.
	Environment map[string]string `json:"environment,omitempty"`
	// Lambdas are further functions in AWS that run the image.
	Lambdas []string `json:"lambdas,omitempty"`
	// Memory is that of the function, in MB, and Timeout its time, in seconds: what `bin/ci
	// invoke` grants.
	Memory  int `json:"memory,omitempty"`
	Timeout int `json:"timeout,omitempty"`
	// Invoke says how the function in AWS is called for a test.
	Invoke Invoke `json:"invoke,omitzero"`
}

// Invoke is how a function in AWS is called for a test.
type Invoke struct {
	// Tenant is for a function that isolates tenants, which each call has to name.
	Tenant string `json:"tenant,omitempty"`
	// Qualifier is the version or alias to call; "" for the function itself.
	Qualifier string `json:"qualifier,omitempty"`
}

// UnmarshalJSON refuses fields that are not known.
func (i *Invoke) UnmarshalJSON(data []byte) error {
	type plain Invoke
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(i))
}

// options are the names of the fields of [Options].
var options = []string{"package", "architecture", "tags", "ldflags", "files", "environment", "lambdas", "memory", "timeout", "invoke"}

// The limits of Lambda.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	minMemory, maxMemory = 128, 10_240
	maxTimeout           = 900
	maxEnvironment       = 4096
)

var (
	buildTag = regexp.MustCompile(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`)
	// ldflag sets the value of a variable. It is the only flag that gives the same binary on
	// every machine whatever its value is: -s, -w and no build time are there already, and the
	// others name linkers, folders or modes of the machine.
	ldflag = regexp.MustCompile(`^-X=[A-Za-z0-9_./~-]+\.[A-Za-z0-9_]+=[^\s'"]*$`)
	// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
	tenant    = regexp.MustCompile(`^[a-zA-Z0-9._:/=+\-@ ]{1,256}$`)
	qualifier = regexp.MustCompile(`^\$?[a-zA-Z0-9_.-]{1,128}$`)
	variable  = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
)

// reserved are variables that Lambda sets, or that it would refuse.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
var reserved = []string{"AWS_", "LAMBDA_", "_", "PATH", "LD_LIBRARY_PATH"}

// decodeOptions fills the options from the fields that are there.
func decodeOptions(raw map[string]json.RawMessage, o *Options, bad func(field, format string, args ...any)) {
	for name, to := range map[string]struct {
		value any
		kind  string
	}{
		"package": {&o.Package, "a string"}, "architecture": {&o.Architecture, "a string"},
		"tags": {&o.Tags, "a list of strings"}, "ldflags": {&o.LDFlags, "a list of strings"}, "files": {&o.Files, "a list of strings"},
		"environment": {&o.Environment, "an object of strings"}, "lambdas": {&o.Lambdas, "a list of strings"},
		"memory": {&o.Memory, "a whole number"}, "timeout": {&o.Timeout, "a whole number"}, "invoke": {&o.Invoke, `an object with "tenant" and "qualifier"`},
	} {
		value, ok := raw[name]
		if ok && (bytes.Equal(value, []byte("null")) || json.Unmarshal(value, to.value) != nil) {
			bad(name, "must be %s, not %s", to.kind, oneLine(value))
			delete(raw, name)
		}
	}
	there := func(name string) bool { _, ok := raw[name]; return ok }
	if there("package") && !below(o.Package) {
		bad("package", "%q is not a folder below this one; write one such as \"cmd/api\"", o.Package)
	}
	o.Package = strings.TrimPrefix(path.Clean(o.Package), "./")
	if o.Package == "." {
		o.Package = ""
	}
	if there("architecture") && o.Architecture != "amd64" && o.Architecture != "arm64" {
		bad("architecture", "%q is not amd64 or arm64%s", o.Architecture, suggest(o.Architecture, []string{"amd64", "arm64"}))
	}
	if o.Architecture == "amd64" {
		o.Architecture = "" // there is one way to say it
	}
	for n, tag := range o.Tags {
		if !buildTag.MatchString(tag) {
			bad(fmt.Sprintf("tags[%d]", n), "%q is not a build tag; use letters, digits, _ and .", tag)
		}
	}
	for n, flag := range o.LDFlags {
		if !ldflag.MatchString(flag) {
			bad(fmt.Sprintf("ldflags[%d]", n), `%q is not allowed: only "-X=package.variable=value", without spaces and quotes, gives the same image on every machine`, flag)
		}
	}
	for n, name := range o.Files {
		if !copied(name) {
			bad(fmt.Sprintf("files[%d]", n), "%q is not in this folder; write a path relative to it, or one that begins with / for the workspace", name)
		}
	}
	checkEnvironment(o.Environment, bad)
	for n, name := range o.Lambdas {
		if !IsLambda(name) {
			bad(fmt.Sprintf("lambdas[%d]", n), "%q is not a Lambda function name; use 1 to 64 letters, digits, - and _", name)
		}
	}
	if there("memory") && (o.Memory < minMemory || o.Memory > maxMemory) {
		bad("memory", "must be %d to %d MB, not %d", minMemory, maxMemory, o.Memory)
	}
	if o.Invoke.Tenant != "" && !tenant.MatchString(o.Invoke.Tenant) {
		bad("invoke.tenant", "%q is not a tenant; use 1 to 256 letters, digits, spaces and . _ : / = + - @", o.Invoke.Tenant)
	}
	if o.Invoke.Qualifier != "" && !qualifier.MatchString(o.Invoke.Qualifier) {
		bad("invoke.qualifier", "%q is not a version or alias; write a number, a name or $LATEST", o.Invoke.Qualifier)
	}
	if there("timeout") && (o.Timeout < 1 || o.Timeout > maxTimeout) {
		bad("timeout", "must be 1 to %d seconds, not %d", maxTimeout, o.Timeout)
	}
}

func checkEnvironment(all map[string]string, bad func(field, format string, args ...any)) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		field, value := "environment."+printable(name), all[name]
		size += len(name) + len(value)
		switch {
		case slices.ContainsFunc(reserved, func(r string) bool { return name == r || strings.HasSuffix(r, "_") && strings.HasPrefix(name, r) }):
			bad(field, "is a variable that Lambda, or the base, sets; choose another name")
		case !variable.MatchString(name):
			bad(field, "is not the name of a variable; use letters, digits and _")
		case strings.ContainsFunc(value, unicode.IsControl):
			bad(field, "%q must be one line of text", value)
		}
	}
	if size > maxEnvironment {
		bad("environment", "has %d bytes; Lambda accepts %d", size, maxEnvironment)
	}
}

// below tells whether a path is a folder below that of image.json, or itself.
func below(name string) bool {
	name = strings.TrimPrefix(name, "./")
	return name == "." || name != "" && fs.ValidPath(name)
}

// copied tells whether a path names something to copy.
func copied(name string) bool {
	name = strings.TrimPrefix(name, "/")
	return name != "." && fs.ValidPath(name)
}

// Main is the folder of the program, slash-separated, relative to the root.
func (f Function) Main() string { return path.Join(f.Folder, f.Package) }

// In is the folder of the module that has the program.
func (f Function) In() string {
	if f.Module == "" {
		return f.Main()
	}
	return f.Module
}

// Arch is the architecture of the function: amd64 unless image.json says otherwise.
func (f Function) Arch() string {
	if f.Architecture == "" {
		return "amd64"
	}
	return f.Architecture
}

// Names are the functions in AWS that run the image.
func (f Function) Names() []string { return append([]string{f.Lambda}, f.Lambdas...) }

// Running returns a function for each function in AWS: one image may be that of several.
func Running(functions []Function) []Function {
	var all []Function
	for _, f := range functions {
		for _, name := range f.Names() {
			of := f
			of.Lambda, of.Lambdas = name, nil
			all = append(all, of)
		}
	}
	return all
}

// Copies says where each of the files is, relative to the root, by its path in the task
// root: the same path as below the function's folder, and the last name of what is
// elsewhere in the workspace.
func (f Function) Copies() map[string]string {
	copies := map[string]string{}
	for _, name := range f.Files {
		if at, ok := strings.CutPrefix(name, "/"); ok {
			copies[path.Base(at)] = at
			continue
		}
		copies[name] = path.Join(f.Folder, name)
	}
	return copies
}

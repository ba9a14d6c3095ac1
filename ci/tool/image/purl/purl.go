// Package purl names packages as other programs do, by package URLs: images, Go
// modules and packages of npm.
// https://github.com/package-url/purl-spec
package purl

import (
	"path"
	"strings"

	packageurl "github.com/package-url/packageurl-go"
)

// Image returns the URL of the image that reference, registry/repository:tag, and
// digest name; either part of them may be empty.
func Image(reference, digest string) string {
	repository, tag := SplitTag(reference)
	qualifiers := map[string]string{}
	if strings.Contains(repository, "/") {
		qualifiers["repository_url"] = repository
	}
	if tag != "" {
		qualifiers["tag"] = tag
	}
	return text(packageurl.TypeOCI, "", path.Base(repository), digest, qualifiers)
}

// SplitTag splits registry/repository:tag.
func SplitTag(reference string) (repository, tag string) {
	if at := strings.LastIndex(reference, ":"); at > strings.LastIndex(reference, "/") {
		return reference[:at], reference[at+1:]
	}
	return reference, ""
}

// Module returns the URL of a Go module.
func Module(module, version string) string {
	dir, name := path.Split(module)
	return text(packageurl.TypeGolang, strings.TrimSuffix(dir, "/"), name, version, nil)
}

// NPM returns the URL of a package, which may be @scope/name.
func NPM(name, version string) string {
	scope, name := path.Split(name)
	return text(packageurl.TypeNPM, strings.TrimSuffix(scope, "/"), name, version, nil)
}

func text(kind, namespace, name, version string, qualifiers map[string]string) string {
	p := packageurl.NewPackageURL(kind, namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "")
	if err := p.Normalize(); err != nil {
		return p.ToString() // as it is: it names a package, though not by the rules of its kind
	}
	return p.ToString()
}

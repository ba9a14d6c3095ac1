// Package purl writes package URLs, the names of images, Go modules and npm packages
// that SBOMs and scanners use.
// https://github.com/package-url/purl-spec
package purl

import (
	"path"
	"strings"

	packageurl "github.com/package-url/packageurl-go"
)

// Image returns the URL of the image with a reference, registry/repository:tag, and a
// digest; the tag or the digest may be empty.
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

// NPM returns the URL of an npm package; its name may be @scope/name.
func NPM(name, version string) string {
	scope, name := path.Split(name)
	return text(packageurl.TypeNPM, strings.TrimSuffix(scope, "/"), name, version, nil)
}

func text(kind, namespace, name, version string, qualifiers map[string]string) string {
	p := packageurl.NewPackageURL(kind, namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "")
	if err := p.Normalize(); err != nil {
		return p.ToString() // not by the rules of its kind, but better than none
	}
	return p.ToString()
}

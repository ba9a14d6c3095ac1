// Package sbom writes the software bill of materials (SBOM) of an image in the CycloneDX
// format: the Go modules of its binary, ffmpeg, and the base. It depends on the image
// alone, without a time or a random number, so the same image gives the same bytes.
package sbom

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/purl"
	"lambdas.internal/ci/tool/report"
)

// MediaType is that of the document.
// https://www.iana.org/assignments/media-types/application/vnd.cyclonedx+json
const MediaType = "application/vnd.cyclonedx+json"

// PredicateType is that of an in-toto statement with the document.
// https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md
const PredicateType = "https://cyclonedx.org/bom"

// spec is the version of the format. Another version gives other bytes, so that an image
// would get a second document.
const spec = cdx.SpecVersion1_6

// namespace is the UUID namespace of the serial numbers: the digest of an image always
// gives the same number (RFC 9562, version 5).
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://lambdas.internal/ci/sbom"))

// The names by which parts of the document refer to each other.
const (
	refBase   = "base"
	refBinary = "binary"
)

// New returns the SBOM of an image.
func New(i composition.Image, p composition.Program) ([]byte, error) {
	if p.Info == nil {
		return nil, fmt.Errorf("write the SBOM of %s: the binary has no list of its Go modules", i.Name)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + uuid.NewSHA1(namespace, []byte(i.Subject.Digest.String())).String()
	subject := container(i)
	bom.Metadata = &cdx.Metadata{
		Component: &subject,
		Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "lambdas.internal/ci/tool"}}},
	}

	components := []cdx.Component{base(i)}
	parts := []string{refBase}
	if comment, ok := i.Labels[image.LabelFFmpeg]; ok {
		for n, program := range licence.Programs(comment) {
			c := ffmpeg(i, program)
			c.BOMRef = fmt.Sprintf("ffmpeg-%d", n+1)
			components, parts = append(components, c), append(parts, c.BOMRef)
		}
	}
	components, parts = append(components, binary(p)), append(parts, refBinary)
	var modules []string
	for _, c := range goModules(p.Info) {
		components, modules = append(components, c), append(modules, c.BOMRef)
	}
	bom.Components = &components
	dependencies := []cdx.Dependency{{Ref: subject.BOMRef, Dependencies: &parts}, {Ref: refBinary, Dependencies: &modules}}
	bom.Dependencies = &dependencies

	return encode(bom, i.Name)
}

// OfProgram returns the SBOM of a program that is shipped as a file, without an image.
func OfProgram(name, version string, p composition.Program) ([]byte, error) {
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + uuid.NewSHA1(namespace, []byte("sha256:"+p.SHA256)).String()
	subject := binary(p)
	subject.Name, subject.Version, subject.Evidence = name, version, nil
	bom.Metadata = &cdx.Metadata{Component: &subject}
	components := goModules(p.Info)
	var modules []string
	for _, c := range components {
		modules = append(modules, c.BOMRef)
	}
	bom.Components, bom.Dependencies = &components, &[]cdx.Dependency{{Ref: subject.BOMRef, Dependencies: &modules}}
	return encode(bom, name)
}

func encode(bom *cdx.BOM, name string) ([]byte, error) {
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, spec); err != nil {
		return nil, fmt.Errorf("write the SBOM of %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// Read reads an SBOM.
func Read(document []byte) (*cdx.BOM, error) {
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(document), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		return nil, fmt.Errorf("read the SBOM: %w", err)
	}
	if bom.Components == nil {
		return nil, errors.New("read the SBOM: it has no components")
	}
	return bom, nil
}

func container(i composition.Image) cdx.Component {
	digest := i.Subject.Digest
	return cdx.Component{
		BOMRef: "image", Type: cdx.ComponentTypeContainer, Name: i.Name, Version: digest.String(),
		PackageURL: purl.Image(i.Name, digest.String()),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: digest.Hex}},
		Properties: &[]cdx.Property{
			{Name: namePlatform, Value: i.Platform.String()},
			property("image:variant", i.Labels[image.LabelVariant]),
		},
	}
}

// base describes the base: an image from a registry, or the small base that this program
// makes itself.
func base(i composition.Image) cdx.Component {
	reference, digest := i.Labels[image.LabelBaseName], i.Labels[image.LabelBaseDigest]
	c := cdx.Component{BOMRef: refBase, Type: cdx.ComponentTypeContainer, Name: reference, Version: digest}
	properties := []cdx.Property{property("base:pin", i.Labels[image.LabelPin])}
	if digest == "" {
		c.Name += " (" + i.Labels[image.LabelPin] + ")"
	} else {
		c.PackageURL = purl.Image(reference, digest)
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.TrimPrefix(digest, "sha256:")}}
	}
	properties = append(properties, layers(i, image.KindBase)...)
	c.Properties = &properties
	return c
}

func ffmpeg(i composition.Image, p licence.Program) cdx.Component {
	c := cdx.Component{Type: cdx.ComponentTypeApplication, Name: p.Name, Version: p.Version, PackageURL: p.PURL}
	properties := layers(i, image.KindFFmpeg)
	c.Properties = &properties
	if p.License != "" {
		c.Licenses = &cdx.Licenses{{License: &cdx.License{ID: p.License}}}
	}
	if p.Source != "" {
		c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeSourceDistribution, URL: p.Source}}
	}
	c.Evidence = &cdx.Evidence{Occurrences: &[]cdx.EvidenceOccurrence{
		{Location: "/" + image.FFmpegPath}, {Location: "/" + image.FFprobePath},
	}}
	if strings.HasPrefix(p.PURL, "pkg:npm/") { // npm has one package for each program
		at := image.FFmpegPath
		if p.Name == "ffprobe" {
			at = image.FFprobePath
		}
		c.Evidence.Occurrences = &[]cdx.EvidenceOccurrence{{Location: "/" + at}}
	}
	return c
}

func binary(p composition.Program) cdx.Component {
	var properties []cdx.Property
	for _, s := range p.Info.Settings {
		properties = append(properties, property("go:build:"+s.Key, s.Value))
	}
	return cdx.Component{
		BOMRef: refBinary, Type: cdx.ComponentTypeApplication, Name: p.Info.Path, Version: p.Info.Main.Version,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: p.SHA256}},
		Properties: &properties,
		Evidence:   &cdx.Evidence{Occurrences: &[]cdx.EvidenceOccurrence{{Location: "/" + image.BootstrapPath}}},
	}
}

// goModules returns the standard library and the modules in the binary, in the order in
// which the binary lists them.
func goModules(info *debug.BuildInfo) []cdx.Component {
	version := strings.TrimPrefix(info.GoVersion, "go")
	all := []cdx.Component{{
		BOMRef: "std", Type: cdx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion, PackageURL: purl.Module("std", version),
	}}
	for _, m := range info.Deps {
		c := module(m)
		if m.Replace != nil {
			c = module(m.Replace)
			c.Properties = &[]cdx.Property{property("go:replaces", m.Path+"@"+m.Version)}
		}
		c.BOMRef = "go:" + m.Path
		all = append(all, c)
	}
	return all
}

func module(m *debug.Module) cdx.Component {
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version}
	if m.Version != "(devel)" && m.Version != "" { // otherwise it is a module of this workspace
		c.PackageURL = purl.Module(m.Path, m.Version)
	}
	// A module's checksum is the SHA-256 of a list of its files' checksums.
	// https://go.dev/ref/mod#go-sum-files
	if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(sum); err == nil {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
		}
	}
	return c
}

func layers(i composition.Image, k image.Kind) []cdx.Property {
	var all []cdx.Property
	for _, l := range i.Of(k) {
		all = append(all, property("layer:digest", l.Digest.String()), property("layer:diffID", l.DiffID.String()))
	}
	return all
}

// namePlatform is the property that says what an image is for.
const namePlatform = own + "image:platform"

// own begins the names of the properties of this program.
const own = "internal.lambdas:"

// property returns a property in the namespace of this program.
func property(name, value string) cdx.Property {
	return cdx.Property{Name: own + name, Value: value}
}

// Table prints the components that a document lists.
func Table(w io.Writer, document []byte) error {
	bom, err := Read(document)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range *bom.Components {
		rows = append(rows, []string{c.Name, report.Digest(c.Version), string(c.Type), Licences(c), c.PackageURL})
	}
	if err := report.Table(w, []string{"COMPONENT", "VERSION", "TYPE", "LICENCE", "PACKAGE"}, rows); err != nil {
		return err
	}
	image := bom.Metadata.Component
	_, err = fmt.Fprintf(w, "%s of %s for %s, %s\n", report.Count(len(rows), "component"), report.Line(image.Name), report.Line(platform(image)), report.Line(image.Version))
	return err
}

// platform is what the image is for that a document is about.
func platform(c *cdx.Component) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == namePlatform {
				return p.Value
			}
		}
	}
	return "a platform that it does not say"
}

// Licences are the SPDX expressions of a component.
func Licences(c cdx.Component) string {
	if c.Licenses == nil {
		return ""
	}
	var ids []string
	for _, l := range *c.Licenses {
		if l.License != nil {
			ids = append(ids, l.License.ID)
		}
	}
	return strings.Join(ids, ", ")
}

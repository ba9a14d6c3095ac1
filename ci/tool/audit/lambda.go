package audit

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// maxUnpacked is the size of the largest image that Lambda accepts, unpacked.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxUnpacked = 10 << 30

// maxShown limits how many names a message lists.
const maxShown = 3

// machines are the processors that Lambda supports.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// clientMarks are the environment variable with the address of the Runtime API, and the
// version of the API, with which the path of each request begins. A program that receives
// events holds at least one of them as a text, also if the address is built in.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
var clientMarks = []string{"AWS_LAMBDA_RUNTIME_API", "2018-06-01"}

// ImageFacts are the facts about an image as it will be pushed.
type ImageFacts struct {
	// MediaType and Digest are those of the manifest that the image's tag will name.
	MediaType types.MediaType
	Digest    v1.Hash
	Manifest  v1.Manifest
	Config    v1.ConfigFile
	// RawManifest and RawConfig are the bytes of both.
	RawManifest, RawConfig []byte
	// Claim is what the image claims to be; ClaimErr says why that contradicts its layers.
	Claim    image.Claim
	ClaimErr error
	// Layers are in the order of the manifest.
	Layers []LayerFacts
	// Bootstrap is the function's binary, from the last layer.
	Bootstrap []byte
}

// own returns the index of the first layer that this program made. The layers of AWS's
// base cannot be changed here, and Lambda accepts them.
func (i ImageFacts) own() int {
	if image.Pin(i.Config.Config.Labels[image.LabelPin]) == image.Offline {
		return 0
	}
	kinds := image.Kinds(len(i.Layers), i.Config.Config.Labels)
	return slices.IndexFunc(kinds, func(k image.Kind) bool { return k != image.KindBase })
}

// CheckLambda fails an image that Lambda would refuse or could not start, and a function
// that could not receive events.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
func CheckLambda(f catalog.Function, i ImageFacts) Check {
	var findings []string
	bad := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }

	if i.MediaType != types.OCIManifestSchema1 && i.MediaType != types.DockerManifestSchema2 {
		bad("the image is a %s; Lambda accepts only a single image manifest", i.MediaType)
	}
	machine, known := machines[i.Config.Architecture]
	if i.Config.OS != "linux" || !known {
		bad("the image is for %s/%s; Lambda runs linux/amd64 and linux/arm64", i.Config.OS, i.Config.Architecture)
	}
	if len(i.Layers) != len(i.Manifest.Layers) || len(i.Layers) != len(i.Config.RootFS.DiffIDs) {
		bad("the manifest lists %s, the configuration %d, but the image has %d",
			report.Count(len(i.Manifest.Layers), "layer"), len(i.Config.RootFS.DiffIDs), len(i.Layers))
		return check(f.Image, Lambda, len(i.Layers), "the manifest", findings)
	}
	var size int64
	entries := 0
	for n, l := range i.Layers {
		size += l.Size
		entries += l.Entries
		layerFindings(bad, n, l, i)
	}
	if size > maxUnpacked {
		bad("the layers have %d bytes unpacked; Lambda accepts at most %d", size, int64(maxUnpacked))
	}
	bootstrapFindings(bad, f.Folder, i, machine)
	return check(f.Image, Lambda, entries, fmt.Sprintf("%s, %s, %.0f MB unpacked", report.Count(len(i.Layers), "layer"), report.Count(entries, "entry", "entries"), float64(size)/1e6), findings)
}

func layerFindings(bad func(string, ...any), n int, l LayerFacts, i ImageFacts) {
	if media := i.Manifest.Layers[n].MediaType; media != types.OCILayer && media != types.DockerLayer {
		bad("layer %d is %s; Lambda accepts only gzip", n+1, media)
	}
	switch {
	case l.Problem != "":
		bad("layer %d (%s): %s", n+1, l.Digest, l.Problem)
		return
	case l.Digest != i.Manifest.Layers[n].Digest:
		bad("layer %d has the digest %s, but the manifest says %s", n+1, l.Digest, i.Manifest.Layers[n].Digest)
	case l.DiffID != i.Config.RootFS.DiffIDs[n]:
		bad("layer %d unpacks to %s, but the configuration says %s", n+1, l.DiffID, i.Config.RootFS.DiffIDs[n])
	}
	if n < i.own() {
		return
	}
	if len(l.HardLinks) > 0 {
		bad("layer %d has hard links, which Lambda does not accept: %s", n+1, some(l.HardLinks))
	}
	if len(l.Orphans) > 0 {
		bad("layer %d has no entry for the folder of: %s", n+1, some(l.Orphans))
	}
}

func bootstrapFindings(bad func(string, ...any), folder string, i ImageFacts, machine elf.Machine) {
	var f FileFacts
	there := false
	for _, l := range i.Layers {
		if found, ok := l.Files[image.BootstrapPath]; ok {
			f, there = found, true
		}
	}
	switch {
	case !there:
		bad("/%s is missing", image.BootstrapPath)
		return
	case !f.Regular:
		bad("/%s is not a regular file", image.BootstrapPath)
	case f.Mode&0o111 != 0o111:
		bad("/%s has mode %#o; everyone must be able to execute it", image.BootstrapPath, f.Mode)
	}
	program, err := elf.NewFile(bytes.NewReader(i.Bootstrap))
	switch {
	case err != nil:
		bad("/%s is not a Linux program: %v", image.BootstrapPath, err)
	case program.Machine != machine:
		bad("/%s is built for %s, but the image is for %s", image.BootstrapPath, program.Machine, i.Config.Architecture)
	case !receivesEvents(i):
		bad("%s cannot receive events: its program has no client of Lambda's Runtime API; call lambda.Start of github.com/aws/aws-lambda-go (%s or later) in main",
			folder, gobuild.RuntimeVersion)
	}
}

// receivesEvents tells whether the function's program has a client of the Runtime API, or
// an extension of the image can be one, as the Lambda Web Adapter is.
func receivesEvents(i ImageFacts) bool {
	for _, l := range i.Layers {
		for name := range l.Files {
			if path.Dir(name) == extensionsDir {
				return true
			}
		}
	}
	return slices.ContainsFunc(clientMarks, func(mark string) bool { return bytes.Contains(i.Bootstrap, []byte(mark)) })
}

func some(names []string) string {
	shown := slices.Clone(names[:min(len(names), maxShown)])
	for n := range shown {
		shown[n] = report.Line(shown[n]) // a name of a layer may look like lines of ours
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

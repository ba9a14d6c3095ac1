package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// A credential of nobody, which the rules know; it is put together so that no scanner of
// this repository finds it here.
var credential = "AWS_ACCESS_KEY_ID=" + "AKIA" + "Q3EGRJ2NVX5TL7WH"

// forgery is an image that an attacker puts into an image layout.
type forgery struct {
	t      *testing.T
	layers [][]byte // compressed, base first
	config v1.ConfigFile
	// manifest is written with these layers and this configuration, then by edit.
	manifest v1.Manifest
	edit     func(*v1.Manifest)
	// bytes change what was written.
	configBytes, manifestBytes func([]byte) []byte
}

// put replaces the layer that is so many from the top, beginning with 1.
func (f *forgery) put(fromTop int, l []byte) { f.layers[len(f.layers)-fromTop] = l }

// insert adds a layer on the one that is so many from the top, with a line of history.
func (f *forgery) insert(fromTop int, l []byte) {
	f.layers = slices.Insert(f.layers, len(f.layers)-fromTop, l)
	f.config.History = slices.Insert(f.config.History, len(f.config.History)-fromTop, v1.History{CreatedBy: "more"})
}

// write writes the forgery into an image layout.
func (f *forgery) write() string {
	dir := f.t.TempDir()
	put := func(media types.MediaType, content []byte) v1.Descriptor {
		digest, size, err := v1.SHA256(bytes.NewReader(content))
		require.NoError(f.t, err)
		file := blob(dir, digest)
		require.NoError(f.t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(f.t, os.WriteFile(file, content, 0o644))
		return v1.Descriptor{MediaType: media, Size: size, Digest: digest}
	}
	f.manifest.Layers, f.config.RootFS.DiffIDs = nil, nil
	for _, l := range f.layers {
		f.manifest.Layers = append(f.manifest.Layers, put(types.OCILayer, l))
		facts, err := ReadLayer(f.t.Context(), bytes.NewReader(l), limit.Unpacked)
		require.NoError(f.t, err)
		f.config.RootFS.DiffIDs = append(f.config.RootFS.DiffIDs, facts.DiffID)
	}
	raw, err := json.Marshal(f.config)
	require.NoError(f.t, err)
	if f.configBytes != nil {
		raw = f.configBytes(raw)
	}
	f.manifest.Config = put(types.OCIConfigJSON, raw)
	if f.edit != nil {
		f.edit(&f.manifest)
	}
	raw, err = json.Marshal(f.manifest)
	require.NoError(f.t, err)
	if f.manifestBytes != nil {
		raw = f.manifestBytes(raw)
	}
	d := put(f.manifest.MediaType, raw)
	d.Annotations = map[string]string{image.AnnotationRefName: "a"}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{d}})
	require.NoError(f.t, err)
	require.NoError(f.t, os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644))
	return dir
}

// entry is one entry of a layer of an attacker, in any form.
type entry struct {
	tar.Header
	content string
}

func regular(name, content string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}, content}
}

// packed returns a layer with the entries; change may change the gzip header.
func packed(t *testing.T, change func(*gzip.Writer), entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	zw.Comment = "binary"
	if change != nil {
		change(zw)
	}
	tw := tar.NewWriter(zw)
	for _, e := range entries {
		require.NoError(t, tw.WriteHeader(&e.Header))
		_, err := io.WriteString(tw, e.content)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	require.NoError(t, zw.Close())
	return b.Bytes()
}

// bench judges forgeries of one image, which is public and has ffmpeg.
type bench struct {
	auditor *Auditor
	in      sources
	f       catalog.Function
	program string
	cache   *cache.Cache
	// pinned is the honest image; other is honest too, but its base is unknown here.
	pinned, other image.Image
}

func newBench(t *testing.T) bench {
	t.Helper()
	root, kept := t.TempDir(), testkit.Cache(t)
	testkit.Write(t, root, map[string]string{
		"shared/go.mod": "module example.internal/shared\n", "shared/proprietary/prompt.txt": prompt,
		"functions/a/main.go": "package main\n",
	})
	b := bench{f: public, program: string(program(t, elf.EM_X86_64)), cache: kept}
	b.f.Variant, b.f.Lambda = catalog.Heavy, "TheA"
	keep := func(comment string, files ...layer.File) layer.Layer {
		l, _, err := layer.Keep(kept, files, comment)
		require.NoError(t, err)
		return l
	}
	alone, comment := image.BinaryLayer(layer.Text("", 0, b.program))
	ffmpeg := keep("docker.io/ffmpeg:1@"+testkit.Digest("ffmpeg").String(), layer.Text(image.FFmpegPath, 0o755, "the programs"))
	b.pinned = testkit.Image("a", catalog.Heavy, "/lambda-entrypoint.sh")
	b.pinned.Function, b.pinned.FFmpeg, b.pinned.Binary = b.f, &ffmpeg, keep(comment, alone...)
	b.other = b.pinned
	on := func(i *image.Image, l layer.Layer) {
		i.Base.Layers, i.Base.Config.RootFS.DiffIDs = []layer.Layer{l}, []v1.Hash{l.DiffID}
	}
	on(&b.pinned, keep("", layer.Text("etc/base", 0o644, "the pinned base")))
	on(&b.other, keep("", layer.Text("etc/base", 0o644, "another base")))
	b.other.Base.Name, b.other.Base.Pin, b.other.Base.Digest = "docker.io/other:1", image.Unpinned, testkit.Digest("other").String()
	parts := image.Parts{Bases: []image.Base{b.pinned.Base}, FFmpeg: []image.FFmpeg{{Layer: ffmpeg, Pin: image.Pinned}}}
	c := &catalog.Catalog{Root: root, Functions: []catalog.Function{b.f}, Pipeline: catalog.Pipeline{Proprietary: catalog.Paths{proprietary}, FFmpeg: "shared/ffmpeg"}}
	b.auditor = New(c, parts, kept, func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} })
	b.in = sources{files: &files{digests: map[string]string{}}, compared: &compared{found: map[string][]string{}}, private: private(c)}
	var err error
	b.in.fingerprint, err = ReadPrivate(root, b.in.private, Exceptions{})
	require.NoError(t, err)
	b.in.scanner, err = secret.New(root)
	require.NoError(t, err)
	b.in.graph = gobuild.NewGraph(root, []gobuild.Package{
		{ImportPath: "a", Dir: filepath.Join(root, "functions/a"), GoFiles: []string{"main.go"}, Local: true},
	})
	b.in.shared = NewShared(c.Functions, b.in.graph, nil)
	b.auditor.in = &b.in
	return b
}

// forge returns the honest image, as an attacker takes it.
func (b bench) forge(t *testing.T, i image.Image) *forgery {
	t.Helper()
	f := &forgery{t: t}
	e, err := i.Encode()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(e.Config, &f.config))
	require.NoError(t, json.Unmarshal(e.Manifest, &f.manifest))
	for _, l := range f.manifest.Layers {
		content, err := os.ReadFile(b.cache.Blob(l.Digest))
		require.NoError(t, err)
		f.layers = append(f.layers, content)
	}
	return f
}

// judge returns what the gates that read the whole image find in a layout.
func (b bench) judge(t *testing.T, dir string) (assembly, content, secrets string, pinned bool) {
	t.Helper()
	images, err := b.auditor.describe([]catalog.Function{b.f}, dir)
	require.NoError(t, err)
	checks, _, err := b.auditor.judge(t.Context(), b.f, images[0], b.in, dir)
	require.NoError(t, err)
	found := map[Gate]string{}
	for _, c := range checks {
		found[c.Gate] = strings.Join(c.Findings, "\n")
		assert.Equal(t, len(c.Findings) == 0, c.Passed, c.Gate)
	}
	return found[Assembly], found[Content], found[Secrets], images[0].Claim.Unpinned() == ""
}

func TestAnHonestImagePasses(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		image  image.Image
		pinned bool
	}{"the pinned base": {b.pinned, true}, "another base": {b.other, false}} {
		t.Run(name, func(t *testing.T) {
			assembly, content, secrets, pinned := b.judge(t, b.forge(t, c.image).write())
			assert.Empty(t, assembly)
			assert.Empty(t, content)
			assert.Empty(t, secrets)
			assert.Equal(t, c.pinned, pinned)
		})
	}
}

// What is pinned is trusted as it is: others published it, and nobody reads it here.
func TestWhatIsPinnedIsNotRead(t *testing.T) {
	b := newBench(t)
	prompts, _, err := layer.Keep(b.cache, []layer.File{layer.Text("etc/base", 0o644, prompt)}, "")
	require.NoError(t, err)
	b.pinned.Base.Layers, b.pinned.Base.Config.RootFS.DiffIDs = []layer.Layer{prompts}, []v1.Hash{prompts.DiffID}
	b.auditor.parts.Bases = []image.Base{b.pinned.Base}

	assembly, content, _, pinned := b.judge(t, b.forge(t, b.pinned).write())

	assert.Empty(t, assembly+content)
	assert.True(t, pinned)
}

// What is on a base is exactly what this program puts there: an attacker adds something to
// the honest image, and the gate assembly says so.
func TestWhatWasAddedToOurLayers(t *testing.T) {
	b := newBench(t)
	var dirs []entry
	for _, name := range []string{"var/", "var/runtime/"} {
		dirs = append(dirs, entry{Header: tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}})
	}
	binary := func(more ...entry) []byte {
		return packed(t, nil, slices.Concat(dirs, []entry{regular(image.BootstrapPath, b.program)}, more)...)
	}
	honest := b.forge(t, b.pinned).layers
	last := honest[len(honest)-1]
	require.Equal(t, last, binary(), "what follows differs in the attack only")
	const at = "layer 3 is not the layer that bin/ci makes of /var/runtime/bootstrap alone"
	for name, c := range map[string]struct {
		forge func(f *forgery)
		want  string
	}{
		"a prompt beside the bootstrap":     {func(f *forgery) { f.put(1, binary(regular("var/runtime/prompt.txt", prompt))) }, at},
		"an .env beside the bootstrap":      {func(f *forgery) { f.put(1, binary(regular("var/runtime/.env", credential))) }, at},
		"a second bootstrap":                {func(f *forgery) { f.put(1, binary(regular(image.BootstrapPath, prompt))) }, at},
		"a second bootstrap, other name":    {func(f *forgery) { f.put(1, binary(regular("./var/runtime/../runtime/bootstrap", prompt))) }, at},
		"a second bootstrap, absolute name": {func(f *forgery) { f.put(1, binary(regular("/var/runtime/bootstrap", prompt))) }, at},
		"a hard link as the bootstrap": {func(f *forgery) {
			f.put(1, binary(regular("x", prompt), entry{Header: tar.Header{Name: image.BootstrapPath, Typeflag: tar.TypeLink, Linkname: "x"}}))
		}, at},
		"a symbolic link as the bootstrap": {func(f *forgery) {
			f.put(1, packed(t, nil, slices.Concat(dirs, []entry{regular("x", b.program), {Header: tar.Header{Name: image.BootstrapPath, Typeflag: tar.TypeSymlink, Linkname: "/x"}}})...))
		}, at},
		"a whiteout of the folder": {func(f *forgery) { f.put(1, binary(regular("var/.wh..wh..opq", ""))) }, at},
		"an extended attribute": {func(f *forgery) {
			e := regular(image.BootstrapPath, b.program)
			e.PAXRecords = map[string]string{"SCHILY.xattr.user.note": prompt}
			f.put(1, packed(t, nil, append(slices.Clone(dirs), e)...))
		}, at},
		"a global header": {func(f *forgery) {
			f.put(1, binary(entry{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"comment": prompt}}}))
		}, at},
		"a comment of gzip": {func(f *forgery) {
			f.put(1, packed(t, func(w *gzip.Writer) { w.Comment = prompt }, append(slices.Clone(dirs), regular(image.BootstrapPath, b.program))...))
		}, at},
		"an extra field of gzip": {func(f *forgery) {
			f.put(1, packed(t, func(w *gzip.Writer) { w.Extra = []byte(prompt) }, append(slices.Clone(dirs), regular(image.BootstrapPath, b.program))...))
		}, at},
		"a second gzip stream":        {func(f *forgery) { f.put(1, slices.Concat(last, gzipped(t, []byte(prompt)))) }, at},
		"bytes after the gzip stream": {func(f *forgery) { f.put(1, slices.Concat(last, []byte(prompt))) }, at},
		"another mode": {func(f *forgery) {
			e := regular(image.BootstrapPath, b.program)
			e.Mode = 0o777
			f.put(1, packed(t, nil, append(slices.Clone(dirs), e)...))
		}, at},

		"a layer on the top":                              {func(f *forgery) { f.insert(0, packed(t, nil, regular("opt/program", prompt))) }, "ffmpeg is from"},
		"a layer between ffmpeg and the binary":           {func(f *forgery) { f.insert(1, packed(t, nil, regular("opt/program", prompt))) }, "ffmpeg is from"},
		"a layer between the base and ffmpeg":             {func(f *forgery) { f.insert(2, packed(t, nil, regular("opt/program", prompt))) }, "its layers are not those of public.ecr.aws/lambda/provided:al2023"},
		"a layer below the base":                          {func(f *forgery) { f.insert(3, packed(t, nil, regular("opt/program", prompt))) }, "its layers are not those of"},
		"another base with the labels of the pinned one":  {func(f *forgery) { f.put(3, packed(t, nil, regular("etc/base", "of an attacker"))) }, "the label internal.lambdas.base.pin says that the base is pinned, but its layers are not those of"},
		"another ffmpeg with the label of the pinned one": {func(f *forgery) { f.put(2, packed(t, nil, regular(image.FFmpegPath, prompt))) }, "the label internal.lambdas.ffmpeg says that ffmpeg is from"},
		"the layers in another order":                     {func(f *forgery) { slices.Reverse(f.layers) }, "its layers are not those of"},
		"no layer of ffmpeg":                              {func(f *forgery) { f.layers = slices.Delete(f.layers, 1, 2) }, "the image has 2 layers; a heavy one has those of its base and 2 more"},
		"the base alone":                                  {func(f *forgery) { f.layers = f.layers[:1] }, "the image has 1 layer; "},
		"no history":                                      {func(f *forgery) { f.config.History = nil }, "the history has 0 entries; each layer of this program has one"},

		"a label":            {func(f *forgery) { f.config.Config.Labels["note"] = prompt }, "the configuration is not the one"},
		"a forged pin label": {func(f *forgery) { f.config.Config.Labels[image.LabelPin] = "unpinned" }, "the configuration is not the one"},
		"an author":          {func(f *forgery) { f.config.Author = prompt }, "the configuration is not the one"},
		"a variable":         {func(f *forgery) { f.config.Config.Env = append(f.config.Config.Env, credential) }, "the configuration is not the one"},
		"a line of history":  {func(f *forgery) { f.config.History[0].Comment = prompt }, "the configuration is not the one"},
		"another entrypoint": {func(f *forgery) { f.config.Config.Entrypoint = []string{"/bin/sh"} }, "the configuration is not the one"},
		"another command":    {func(f *forgery) { f.config.Config.Cmd = []string{"other"} }, "the configuration is not the one"},
		"another user":       {func(f *forgery) { f.config.Config.User = "root" }, "the configuration is not the one"},
		"another folder":     {func(f *forgery) { f.config.Config.WorkingDir = "/opt" }, "the configuration is not the one"},
		"an unknown field":   {func(f *forgery) { f.configBytes = replacing(`{`, fmt.Sprintf(`{"note":%q,`, prompt)) }, "the configuration is not the one"},
		"a field twice":      {func(f *forgery) { f.configBytes = replacing(`{`, fmt.Sprintf(`{"author":%q,"author":"",`, prompt)) }, "the configuration is not the one"},
		"space":              {func(f *forgery) { f.configBytes = replacing(`{`, "{ ") }, "the configuration is not the one"},
		"other escapes":      {func(f *forgery) { f.configBytes = replacing(`"linux"`, `"\u006cinux"`) }, "the configuration is not the one"},
		"an annotation":      {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.Annotations = map[string]string{"note": prompt} } }, "the manifest is not the one"},
		"an annotated layer": {func(f *forgery) {
			f.edit = func(m *v1.Manifest) { m.Layers[0].Annotations = map[string]string{"note": prompt} }
		}, "the manifest is not the one"},
		"data in a layer": {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.Layers[0].Data = []byte(prompt) } }, "the manifest is not the one"},
		"an address": {func(f *forgery) {
			f.edit = func(m *v1.Manifest) { m.Layers[0].URLs = []string{"https://x.invalid/?" + prompt} }
		}, "the manifest is not the one"},
		"data of the configuration":  {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.Config.Data = []byte(prompt) } }, "the manifest is not the one"},
		"a type of artifact":         {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.ArtifactType = prompt } }, "the manifest is not the one"},
		"a subject":                  {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.Subject = &m.Config } }, "the manifest is not the one"},
		"an unknown field, manifest": {func(f *forgery) { f.manifestBytes = replacing(`{`, fmt.Sprintf(`{"note":%q,`, prompt)) }, "the manifest is not the one"},
		"the media type of docker":   {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.MediaType = types.DockerManifestSchema2 } }, "the manifest is not the one"},
	} {
		t.Run(name, func(t *testing.T) {
			f := b.forge(t, b.pinned)
			c.forge(f)

			assembly, _, _, _ := b.judge(t, f.write())

			assert.Contains(t, assembly, c.want)
		})
	}
}

// The parts of an unknown base are read by the gates, whatever the base is.
func TestWhatAnUnknownBaseHolds(t *testing.T) {
	b := newBench(t)
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	source := filepath.Join(strings.TrimSpace(string(goRoot)), "src")
	testingKey, err := os.ReadFile(filepath.Join(source, "net/http/internal/testcert/testcert.go"))
	require.NoError(t, err)
	require.NotEmpty(t, b.in.scanner.Text(testingKey), "it looks like a credential")
	b.in.published, err = newPublished([]gobuild.Package{{ImportPath: "fmt", Dir: filepath.Join(source, "fmt"), Standard: true, Public: true}})
	require.NoError(t, err)
	base := func(change func(*gzip.Writer), entries ...entry) func(*forgery) {
		return func(f *forgery) { f.put(3, packed(t, change, entries...)) }
	}
	attributed := regular("etc/x", "x")
	attributed.PAXRecords = map[string]string{"SCHILY.xattr.user.note": prompt}
	of := func(parts ...string) string { return strings.Join(parts, "") }
	const lead = "layer 1 "
	for name, c := range map[string]struct {
		forge                      func(f *forgery)
		assembly, content, secrets string
	}{
		"a file of ours":                       {base(nil, regular("opt/program", prompt)), "", of(lead, "/opt/program contains text of shared/proprietary/prompt.txt"), ""},
		"a bootstrap below":                    {base(nil, regular(image.BootstrapPath, prompt)), "", of(lead, "/var/runtime/bootstrap contains text of "), ""},
		"an .env":                              {base(nil, regular("var/task/.env", credential)), "", "", of(lead, "/var/task/.env byte ")},
		"a credential in a program":            {base(nil, regular("bin/x", "\x7fELF\x00"+credential+"\x00")), "", "", of(lead, "/bin/x byte ")},
		"the second of two files of one name":  {base(nil, regular("opt/x", "x"), regular("opt/x", prompt)), "", of(lead, "/opt/x contains text of "), ""},
		"a name that looks like lines of ours": {base(nil, regular("opt/x\naudit a: all gates passed", prompt)), "", of(lead, "/opt/x audit a: all gates passed contains text of "), ""},
		"a name":                               {base(nil, regular(prompt[:95], "x")), "", of(lead, "(names and attributes) contains text of "), ""},
		"the name of a link":                   {base(nil, entry{Header: tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: prompt[:95]}}), "", of(lead, "(names and attributes) contains text of "), ""},
		"a long name of a link":                {base(nil, entry{Header: tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: prompt + prompt}}), "", of(lead, "(names and attributes) contains text of "), ""},
		"an extended attribute":                {base(nil, attributed), "", of(lead, "(names and attributes) contains text of "), ""},
		"a global header":                      {base(nil, entry{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"comment": prompt}}}), "", of(lead, "(names and attributes) contains text of "), ""},
		"a comment of gzip":                    {base(func(w *gzip.Writer) { w.Comment = prompt }, regular("etc/x", "x")), "", of(lead, "(names and attributes) contains text of "), ""},
		"an extra field of gzip":               {base(func(w *gzip.Writer) { w.Extra = []byte(credential) }, regular("etc/x", "x")), "", "", of(lead, "(names and attributes) byte ")},
		"a second gzip stream":                 {func(f *forgery) { f.put(3, slices.Concat(f.layers[0], gzipped(t, []byte(prompt)))) }, "", "layer 1 more follows the end of its gzip stream", "layer 1 more follows the end of its gzip stream"},
		"bytes after the archive": {func(f *forgery) {
			f.put(3, gzipped(t, slices.Concat(ungzipped(t, packed(t, nil, regular("etc/x", "x"))), []byte(prompt))))
		}, "", of(lead, "(names and attributes) contains text of "), ""},
		"not an archive": {func(f *forgery) { f.put(3, gzipped(t, []byte(strings.Repeat(prompt, 20)))) }, "", "layer 1 not a gzip-compressed tar: ", "layer 1 not a gzip-compressed tar: "},
		"a layer more":   {func(f *forgery) { f.insert(3, packed(t, nil, regular("opt/program", prompt))) }, "", of(lead, "/opt/program contains text of "), ""},
		"another ffmpeg": {func(f *forgery) {
			f.config.Config.Labels[image.LabelFFmpeg] = "docker.io/mine:1"
			f.config.History[len(f.config.History)-2].CreatedBy = "docker.io/mine:1"
			f.put(2, packed(t, nil, regular(image.FFmpegPath, prompt)))
		}, "", "layer 2 /usr/local/bin/ffmpeg contains text of ", ""},

		"a label":                    {func(f *forgery) { f.config.Config.Labels["note"] = prompt }, "", "the configuration contains text of shared/proprietary/prompt.txt", ""},
		"an escaped label":           {func(f *forgery) { f.config.Config.Labels["note"] = strings.ReplaceAll(prompt, " ", "\n") + credential }, "", "the configuration (its texts) contains text of ", "the configuration (its texts) byte "},
		"the name of a label":        {func(f *forgery) { f.config.Config.Labels[prompt] = "x" }, "", "the configuration contains text of ", ""},
		"an author":                  {func(f *forgery) { f.config.Author = prompt }, "", "the configuration contains text of ", ""},
		"a line of history":          {func(f *forgery) { f.config.History[0].Comment = prompt }, "", "the configuration contains text of ", ""},
		"a variable":                 {func(f *forgery) { f.config.Config.Env = append(f.config.Config.Env, credential) }, "", "", "the configuration byte "},
		"a label that poses as ours": {func(f *forgery) { f.config.Config.Labels["internal.lambdas.other"] = "x" }, "the configuration is not the one", "", ""},
		"a label of the pin":         {func(f *forgery) { f.config.Config.Labels[image.LabelPin] = "pinned" }, "the label internal.lambdas.base.pin says that the base is pinned", "", ""},
		"an unknown field":           {func(f *forgery) { f.configBytes = replacing(`{`, fmt.Sprintf(`{"note":%q,`, prompt)) }, "the configuration is not the one", "the configuration contains text of ", ""},
		"another entrypoint":         {func(f *forgery) { f.config.Config.Entrypoint = []string{"/bin/sh"} }, "the configuration is not the one", "", ""},
		"an annotation":              {func(f *forgery) { f.edit = func(m *v1.Manifest) { m.Annotations = map[string]string{"note": prompt} } }, "the manifest is not the one", "the manifest contains text of ", ""},
		"nothing private":            {base(nil, regular("etc/base", "of an attacker")), "", "", ""},
		// Lambda's emulator is a program that has it.
		"the key with which Go tests itself": {base(nil, regular("bin/x", "\x7fELF\x00"+string(testingKey))), "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := b.forge(t, b.other)
			c.forge(f)

			assembly, content, secrets, pinned := b.judge(t, f.write())

			holds := func(want, got string) {
				if want == "" {
					assert.Empty(t, got)
				}
				assert.Contains(t, got, want)
			}
			holds(c.assembly, assembly)
			holds(c.content, content)
			holds(c.secrets, secrets)
			assert.False(t, pinned)
		})
	}
}

func ungzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	content, err = io.ReadAll(zr)
	require.NoError(t, err)
	return content
}

func replacing(before, after string) func([]byte) []byte {
	return func(raw []byte) []byte { return bytes.Replace(raw, []byte(before), []byte(after), 1) }
}

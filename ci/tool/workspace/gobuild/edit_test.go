package gobuild_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// folders are where files are added; most are packages.
var folders = []string{api, enhance, "shared/greet", "third/count", "libs/other", api + "/data", api + "/data/deep", "vendor/example.test/words", "shared", "."}

// names are those of files that are added: sources, files that only look like it, and others.
var names = []string{"x.go", "x_linux.go", "x_windows.go", "x_arm64.go", "x_test.go", "_x.go", ".x.go", "x.txt", ".x.txt", "_x.txt", "README.md",
	"x_amd64.s", "x.h", "x.c", "x.syso", "default.pgo", "go.mod", "testdata/x.go", "x/x.go"}

// edit makes one edit and says which. An edit that breaks the workspace is undone by the
// next one.
func (w *edited) edit() string {
	kinds := []func() string{w.constant, w.constant, w.add, w.add, w.add, w.remove, w.rename, w.linkFile, w.linkFolder,
		w.embed, w.embed, w.goMod, w.goWork, w.goSum, w.vendor, w.touch, w.nothing}
	if w.others > 0 {
		kinds = append(kinds, w.constant, w.other, w.other, w.other)
	}
	return kinds[w.rand.IntN(len(kinds))]()
}

func (w *edited) pick(all []string) string { return all[w.rand.IntN(len(all))] }

// files returns the files and links below the root that match.
func (w *edited) files(match func(name string) bool) []string {
	var found []string
	require.NoError(w.t, filepath.WalkDir(w.root, func(name string, d fs.DirEntry, err error) error {
		require.NoError(w.t, err)
		if rel, _ := filepath.Rel(w.root, name); !d.IsDir() && match(rel) {
			found = append(found, rel)
		}
		return nil
	}))
	return found
}

func (w *edited) path(name string) string { return filepath.Join(w.root, name) }

func (w *edited) read(name string) string {
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		return "" // a broken link
	}
	return string(data)
}

// write writes a file in place of what has its name. Nothing can be written below a file.
func (w *edited) write(name, content string) {
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		return
	}
	_ = os.WriteFile(w.path(name), []byte(content), 0o644)
}

func (w *edited) constant() string {
	name := w.pick(w.files(func(name string) bool { return strings.HasSuffix(name, ".go") }))
	text := w.read(name)
	if at := strings.LastIndex(text, "\nconst Edit"); at >= 0 {
		text = text[:at]
	}
	w.write(name, text+fmt.Sprintf("\nconst Edit = %d\n", w.rand.IntN(4)))
	return "edit " + name
}

func (w *edited) add() string {
	dir, name := w.pick(folders), w.pick(names)
	at := filepath.Join(dir, name)
	if _, err := os.Lstat(w.path(at)); err == nil {
		w.drop(at)
		return "remove again " + at
	}
	if dir == "." && name == "go.mod" {
		return "nothing"
	}
	w.write(at, w.content(dir, name))
	return "add " + at + ": " + w.read(at)
}

// content returns what an added file has.
func (w *edited) content(dir, name string) string {
	pkg := map[string]string{api: "main", enhance: "main", "shared/greet": "greet", "third/count": "count", "libs/other": "greet", "vendor/example.test/words": "words"}[dir]
	if pkg == "" {
		pkg = "p"
	}
	switch filepath.Ext(name) {
	case ".go":
		source := fmt.Sprintf("package %s\n\nfunc init() { println(%d) }\n", pkg, w.rand.IntN(3))
		return w.pick([]string{source, source, source, "//go:build ignore\n\n" + source, "//go:build lambda.norpc && !windows\n\n" + source, "//go:build cgo\n\n" + source, "package " + pkg + "\n\nimport \"C\"\n",
			"package other\n", "not Go\n"})
	case ".mod":
		return "module example.test/nested\n\ngo 1.26.1\n"
	case ".s":
		return fmt.Sprintf("// %d\n", w.rand.IntN(3))
	}
	return fmt.Sprintf("/* %d */\n", w.rand.IntN(3))
}

// base are the files without which nothing can be built. They are not removed.
func base(name string) bool {
	return slices.Contains([]string{"main.go", "go.mod", "go.work", "image.json"}, filepath.Base(name)) && !strings.Contains(name, "vendor")
}

func (w *edited) drop(name string) { require.NoError(w.t, os.RemoveAll(w.path(name))) }

func (w *edited) remove() string {
	all := w.files(func(name string) bool {
		return strings.HasPrefix(filepath.Base(name), "x") || strings.Contains(name, "data/") || strings.HasPrefix(filepath.Base(name), "default")
	})
	if len(all) == 0 {
		return "nothing"
	}
	name := w.pick(all)
	w.drop(name)
	return "remove " + name
}

func (w *edited) rename() string {
	all := w.files(func(name string) bool { return !base(name) && filepath.Ext(name) == ".go" })
	name := w.pick(all)
	to := filepath.Join(filepath.Dir(name), w.pick([]string{"a.go", "b.go", "a_test.go", "a_windows.go", "a_linux.go", "_a.go", "count.go", "a.txt"}))
	if _, err := os.Lstat(w.path(to)); err == nil {
		return "nothing"
	}
	require.NoError(w.t, os.Rename(w.path(name), w.path(to)))
	return "rename " + name + " to " + to
}

// linkFile replaces a file with a link to a copy of it, or edits the copy.
func (w *edited) linkFile() string {
	name := w.pick([]string{"shared/greet/a.go", "third/count/count.go", api + "/text", api + "/data/one.txt", api + "/linked.go"})
	copied := filepath.Join("libs", "links", strings.ReplaceAll(name, "/", "-"))
	info, err := os.Lstat(w.path(name))
	switch {
	case err == nil && info.Mode()&fs.ModeSymlink != 0 && w.rand.IntN(2) == 0:
		w.write(copied, w.read(copied)+fmt.Sprintf("\nconst Behind%d = 1\n", w.rand.IntN(1000)))
		return "edit " + copied + ", behind the link " + name
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		text := w.read(name)
		w.drop(name)
		w.write(name, text)
		return "replace the link " + name + " with a file"
	case err == nil:
		w.write(copied, w.read(name))
		w.drop(name)
	default:
		w.write(copied, "package main\n")
	}
	_ = os.MkdirAll(filepath.Dir(w.path(name)), 0o755)
	_ = os.Symlink(w.path(copied), w.path(name))
	return "link " + name + " to " + copied
}

// linkFolder replaces a package with a link to another folder, and back.
func (w *edited) linkFolder() string {
	name := w.pick([]string{"shared/greet", "third/count", api + "/data"})
	kept := filepath.Join("libs", strings.ReplaceAll(name, "/", "-"))
	info, err := os.Lstat(w.path(name))
	if err != nil {
		return "nothing"
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		w.drop(name)
		require.NoError(w.t, os.Rename(w.path(kept), w.path(name)))
		return "put the folder " + name + " back"
	}
	require.NoError(w.t, os.MkdirAll(w.path("libs"), 0o755))
	require.NoError(w.t, os.Rename(w.path(name), w.path(kept)))
	to := kept
	if name == "shared/greet" && w.rand.IntN(2) == 0 {
		to = "libs/other"
	}
	require.NoError(w.t, os.Symlink(w.path(to), w.path(name)))
	return "link the folder " + name + " to " + to
}

func (w *edited) embed() string {
	pattern := w.pick([]string{"data/*", "data", "all:data", "data/*.txt", "data/deep", "data/[a-z]*"})
	if w.rand.IntN(2) == 0 {
		text := w.read(api + "/main.go")
		from := strings.Index(text, "//go:embed ") + len("//go:embed ")
		to := from + strings.Index(text[from:], "\n")
		w.write(api+"/main.go", text[:from]+pattern+text[to:])
		return "embed " + pattern
	}
	name := filepath.Join(api, "data", w.pick([]string{"two.txt", ".hidden", "_hidden", "deep/three.txt", "deep/.hidden", "deep/go.mod", ".git/x", "a*b.txt"}))
	if _, err := os.Lstat(w.path(name)); err == nil && w.rand.IntN(2) == 0 {
		w.drop(name)
		return "remove " + name
	}
	w.write(name, fmt.Sprintf("module m%d\n", w.rand.IntN(3)))
	return "write " + name
}

// swap replaces one text of a file with another, or back.
func (w *edited) swap(name, from, to string) string {
	text := w.read(name)
	if strings.Contains(text, to) {
		from, to = to, from
	}
	w.write(name, strings.Replace(text, from, to, 1))
	return fmt.Sprintf("in %s: %q becomes %q", name, from, to)
}

func (w *edited) goMod() string {
	name := w.pick([]string{api, enhance, "shared", "third"}) + "/go.mod"
	return w.swap(name, "go 1.26.1\n", w.pick([]string{"go 1.26.1\n// End.\n", "go 1.25.0\n", "go 1.21\n", "go 1.26.1\n\ngodebug asynctimerchan=1\n"}))
}

func (w *edited) goWork() string {
	return w.swap("go.work", "./shared\n", w.pick([]string{"./shared // here\n", "./shared\n\t./third\n"})) +
		w.pick([]string{"", "; " + w.swap("go.work", "=> ./third", "=> ./third/../third")})
}

// goSum takes another version of a module, or a checksum away.
func (w *edited) goSum() string {
	if w.rand.IntN(2) == 0 {
		return w.swap(api+"/go.mod", "words v1.0.0", "words v1.1.0")
	}
	if text := w.read(api + "/go.sum"); !strings.Contains(text, "v1.1.0") {
		w.write(api+"/go.sum", text+w.sums())
		return "record the checksum of v1.1.0"
	}
	text := w.read(api + "/go.sum")
	w.write(api+"/go.sum", text[:strings.Index(text, "example.test/words v1.1.0")])
	return "remove the checksum of v1.1.0"
}

// other is the folder of a module that no function uses.
func other(n int) string { return fmt.Sprintf("others/m%02d", n) }

// other edits a module that no function uses. It may still decide what they are built from.
func (w *edited) other() string {
	at := other(w.rand.IntN(w.others))
	path := "module lambdas.internal/" + at + "\n"
	switch w.rand.IntN(10) {
	case 0, 1, 2:
		return w.swap(at+"/go.mod", "words v1.0.0", "words v1.1.0")
	case 3:
		return w.swap(at+"/go.sum", "example.test/words v1.0.0 h1:", "example.test/words v1.0.0 h1:0")
	case 4:
		return w.swap(at+"/go.mod", "=> ../../shared", w.pick([]string{"=> ../../libs/other", "=> ../m00"}))
	case 5, 6:
		return w.swap(at+"/go.mod", "go 1.26.1\n", w.pick([]string{"go 1.99\n", "go 1.25.0\n", "go 1.26.1\n\nexclude example.test/words v1.0.0\n", "go 1.26.1\n\nreplace example.test/words v1.0.0 => example.test/words v1.1.0\n"}))
	case 7:
		return w.swap("go.work", "\t./"+at+"\n", "\t// "+at+"\n")
	default:
		return w.swap(at+"/go.mod", path, "module "+w.pick([]string{"lambdas.internal/shared", "lambdas.internal/shared/greet", "lambdas.internal/third/count",
			"example.test/words", "example.test", "lambdas.internal/con", "fmt", "embed", "lambdas.internal/functions"})+"\n")
	}
}

// sums are the lines of go.sum for the version that is not required at first.
func (w *edited) sums() string {
	dir := w.t.TempDir()
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\n\ngo 1.26.1\n\nrequire example.test/words v1.1.0\n"), 0o644))
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "m.go"), []byte("package m\n\nimport _ \"example.test/words\"\n"), 0o644))
	cmd := exec.Command("go", "mod", "tidy")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, string(out))
	data, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	require.NoError(w.t, err)
	return string(data)
}

func (w *edited) vendor() string {
	if _, err := os.Stat(w.path("vendor")); err == nil {
		if w.rand.IntN(2) == 0 {
			w.drop("vendor")
			return "remove vendor"
		}
		name := "vendor/example.test/words/words.go"
		w.write(name, w.read(name)+fmt.Sprintf("\nconst Vendored%d = 1\n", w.rand.IntN(1000)))
		return "edit " + name
	}
	cmd := exec.Command("go", "work", "vendor")
	cmd.Dir, cmd.Env = w.root, append(os.Environ(), "GOWORK="+w.path("go.work"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "go work vendor fails: " + string(out)
	}
	return "go work vendor"
}

// touch changes times and modes only.
func (w *edited) touch() string {
	name := w.pick(w.files(func(name string) bool { return strings.HasSuffix(name, ".go") }))
	info, err := os.Stat(w.path(name))
	if err != nil {
		return "nothing"
	}
	require.NoError(w.t, os.Chmod(w.path(name), info.Mode()^0o100))
	require.NoError(w.t, os.Chtimes(w.path(name), info.ModTime().Add(1e9), info.ModTime().Add(1e9)))
	return "touch " + name
}

func (w *edited) nothing() string { return "nothing" }

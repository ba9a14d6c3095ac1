package gobuild_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

var (
	edits = flag.Int("edits", 8, "how many random edits to make")
	seed  = flag.Uint64("seed", uint64(time.Now().UnixNano()), "where the random edits start")
)

// A binary that is reused must be the one that a clean build makes, whatever was edited.
func TestReusedIsWhatACleanBuildMakes(t *testing.T) {
	std := standardLibrary(t)
	t.Run("few modules", func(t *testing.T) { reusedIsWhatACleanBuildMakes(t, std, *edits-*edits/2, 0) })
	t.Run("many modules", func(t *testing.T) { reusedIsWhatACleanBuildMakes(t, std, *edits/2, 14) })
}

func reusedIsWhatACleanBuildMakes(t *testing.T, std string, edits, others int) {
	testkit.ServeModules(t)
	w := newEdited(t, *seed, others, std)
	dir := t.TempDir()
	caches := w.caches(std)
	before := map[string]string{}
	known := map[string]outcome{} // by the content of the workspace
	_, errs := w.compile(dir)
	require.Equal(t, map[string]error{"api": nil, "enhance": nil}, errs, "before the first edit")
	good, broken := filepath.Join(t.TempDir(), "good"), false
	w.copy(w.root, good)
	since := "" // the edits since it was good
	reused, failed := 0, 0
	for n := range edits {
		what := w.edit()
		if broken && w.rand.IntN(8) > 0 {
			what = "undo what broke it: " + since
			w.copy(good, w.root)
		} else {
			since += what + "; "
		}
		where := fmt.Sprintf("edit %d of -seed %d: %s", n, *seed, what)
		undo := w.environment()

		got, errs := w.compile(dir)
		clean, ok := known[w.tree()]
		if !ok {
			t.Setenv("GOCACHE", caches())
			clean.made, clean.errs = w.compile(t.TempDir())
			t.Setenv("GOCACHE", w.cache)
			known[w.tree()] = clean
		}
		want, wantErrs := clean.made, clean.errs
		undo()

		broken = wantErrs["api"] != nil || wantErrs["enhance"] != nil
		if !broken {
			w.copy(w.root, good)
			since = ""
		}
		for _, image := range []string{"api", "enhance"} {
			if wantErrs[image] != nil {
				failed++
				require.Error(t, errs[image], "%s: %s: a clean build fails: %v\n%s", where, image, wantErrs[image], w.list())
				continue
			}
			require.NoError(t, errs[image], "%s: %s\n%s", where, image, w.list())
			require.Equal(t, want[image].Digest, got[image].Digest, "%s: %s\n%s", where, image, w.list())
			require.Equal(t, want[image].Key, got[image].Key, "%s: %s\n%s", where, image, w.list())
			if before[image] == want[image].Digest && !subtle.MatchString(what) {
				reused++
				assert.True(t, got[image].Reused, "%s: %s is the same as before, but was built\n%s", where, image, w.list())
			}
			before[image] = want[image].Digest
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d edits from -seed %d: %d binaries were reused, %d could not be built", edits, *seed, reused, failed)
	if edits > 20 { // a few can all be of what every function uses
		require.Positive(t, reused)
	}
	w.copy(good, w.root) // what compiles, and then nothing changes
	w.compile(dir)
	again, errs := w.compile(dir)
	for _, image := range []string{"api", "enhance"} {
		require.NoError(t, errs[image], image)
		assert.True(t, again[image].Reused, "%s was built again, and nothing was edited\n%s", image, w.list())
	}
}

// outcome is what a build makes.
type outcome struct {
	made map[string]gobuild.Binary
	errs map[string]error
}

// subtle matches edits after which the compiler may make what it made before.
var subtle = regexp.MustCompile(`x\.h|x_amd64\.s|go\.mod`)

// edited is a workspace of two functions that is edited at random.
type edited struct {
	t     *testing.T
	rand  *rand.Rand
	root  string
	cache string
	n     int
	// others is how many more modules there are, which no function uses.
	others int
}

// function is a program that uses all kinds of sources.
const function = `package main

import (
	"crypto/sha256"
	"embed"

	"example.test/words"
	"lambdas.internal/shared/greet"
	"lambdas.internal/third/count"
)

//go:embed data/*
var files embed.FS

//go:embed text
var text string

func main() {
	entries, _ := files.ReadDir("data")
	println(words.Greet("x"), greet.Word, count.Count, text, len(entries), sha256.Sum256([]byte(text))[0])
}
`

// newEdited makes a workspace, whose build cache begins as that of the standard library.
func newEdited(t *testing.T, seed uint64, others int, std string) *edited {
	w := &edited{t: t, rand: rand.New(rand.NewPCG(seed, 0)), root: t.TempDir(), cache: filepath.Join(t.TempDir(), "cache"), others: others}
	w.link(std, w.cache)
	t.Setenv("GOCACHE", w.cache)
	files := testkit.Files(t)
	for name := range files {
		if strings.HasPrefix(name, thumb) {
			delete(files, name)
		}
	}
	files["go.work"] = "go 1.26.1\n\ntoolchain " + testkit.Toolchain() + "\n\nuse (\n\t./" + api + "\n\t./" + enhance + "\n\t./shared\n)\n\nreplace lambdas.internal/third => ./third\n"
	for _, f := range []string{api, enhance} {
		files[f+"/go.mod"] = testkit.GoMod("lambdas.internal/"+f, testkit.Shared, "require example.test/words v1.0.0", "require lambdas.internal/third v0.0.0", "replace lambdas.internal/third => ../../third")
	}
	files[api+"/main.go"] = function
	files[enhance+"/main.go"] = "package main\n\nimport \"lambdas.internal/shared/greet\"\n\nfunc main() { println(greet.Word) }\n"
	files[api+"/data/one.txt"] = "one"
	files[api+"/text"] = "text"
	for n := range others {
		files[other(n)+"/go.mod"] = testkit.GoMod("lambdas.internal/"+other(n), testkit.Shared, "require example.test/words v1.0.0")
		files[other(n)+"/other.go"] = "package greet\n"
		files["go.work"] = strings.Replace(files["go.work"], "\t./shared\n", "\t./shared\n\t./"+other(n)+"\n", 1)
	}
	if others > 0 {
		files["go.work"] = strings.Replace(files["go.work"], "\n\nreplace lambdas.internal/third => ./third\n", "\n", 1)
		files["go.work"] = strings.Replace(files["go.work"], "\t./shared\n", "\t./shared\n\t./third\n", 1)
	}
	files["third/go.mod"] = testkit.GoMod("lambdas.internal/third")
	files["third/count/count.go"] = "package count\n\nconst Count = 1\n"
	files["libs/other/other.go"] = "package greet\n\nconst Word = \"from elsewhere\"\n"
	testkit.Write(t, w.root, files)
	testkit.Tidy(t, filepath.Join(w.root, api))
	testkit.Tidy(t, filepath.Join(w.root, enhance))
	for n := range others {
		w.write(other(n)+"/go.sum", w.read(api+"/go.sum")+w.sums())
	}
	return w
}

// standardLibrary is a build cache with what the functions use of the standard library.
func standardLibrary(t *testing.T) string {
	std := t.TempDir()
	cmd := exec.Command("go", "build", "-trimpath", "-tags=lambda.norpc", "crypto/sha256", "embed")
	cmd.Env = append(os.Environ(), "GOCACHE="+std, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return std
}

// caches returns a function that makes copies of a build cache: caches that are empty but
// for what no edit changes.
func (w *edited) caches(std string) func() string {
	made := w.t.TempDir()
	return func() string {
		w.n++
		require.NoError(w.t, os.RemoveAll(filepath.Join(made, fmt.Sprint(w.n-1))))
		dir := filepath.Join(made, fmt.Sprint(w.n))
		w.link(std, dir)
		return dir
	}
}

// link makes a copy of a build cache, of links.
func (w *edited) link(cache, to string) {
	out, err := exec.Command("cp", "-al", cache, to).CombinedOutput()
	require.NoError(w.t, err, string(out))
}

// compile returns the binaries and errors by image.
func (w *edited) compile(dir string) (map[string]gobuild.Binary, map[string]error) {
	w.t.Helper()
	made, errs := map[string]gobuild.Binary{}, map[string]error{}
	c, err := catalog.Load(w.root)
	if err == nil {
		var results []gobuild.Result
		if results, err = gobuild.Compile(w.t.Context(), c, c.Functions, testkit.AMD64, dir); err == nil {
			for n, r := range results {
				made[c.Functions[n].Image], errs[c.Functions[n].Image] = r.Binary, r.Err
			}
			return made, errs
		}
	}
	return nil, map[string]error{"api": err, "enhance": err}
}

// environment sets variables that must not matter.
func (w *edited) environment() (undo func()) {
	all := [][2]string{{"GOFLAGS", "-gcflags=-N"}, {"GOAMD64", "v3"}, {"CGO_ENABLED", "1"}, {"GOOS", "windows"}, {"GOWORK", "off"},
		{"GODEBUG", "embedfollowsymlinks=1"}, {"GOEXPERIMENT", "nosuch"}, {"GO111MODULE", "off"}, {"GOTOOLCHAIN", "local"}}
	v := all[w.rand.IntN(len(all))]
	before, ok := os.LookupEnv(v[0])
	require.NoError(w.t, os.Setenv(v[0], v[1]))
	return func() {
		if !ok {
			require.NoError(w.t, os.Unsetenv(v[0]))
			return
		}
		require.NoError(w.t, os.Setenv(v[0], before))
	}
}

// copy makes a folder the same as another, with the times of the files.
func (w *edited) copy(from, to string) {
	out, err := exec.Command("sh", "-c", `rm -rf "$2" && cp -a "$1" "$2"`, "sh", from, to).CombinedOutput()
	require.NoError(w.t, err, string(out))
}

// tree returns a digest of all names, contents and links of the workspace.
func (w *edited) tree() string {
	h := sha256.New()
	require.NoError(w.t, filepath.WalkDir(w.root, func(name string, d fs.DirEntry, err error) error {
		require.NoError(w.t, err)
		data, _ := os.ReadFile(name)
		target, _ := os.Readlink(name)
		fmt.Fprintf(h, "%q %v %q %q\n", name, d.Type(), target, data)
		return nil
	}))
	return string(h.Sum(nil))
}

// list shows the workspace.
func (w *edited) list() string {
	out, _ := exec.Command("sh", "-c", "cd "+w.root+" && ls -lR . && grep -r . go.work functions/*/go.mod").CombinedOutput()
	return string(out)
}

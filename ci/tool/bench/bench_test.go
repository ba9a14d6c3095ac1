//go:build unix

package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// repository is the root of this repository.
const repository = "../../.."

func TestSpread(t *testing.T) {
	assert.Equal(t, Spread{Median: 2, Min: 1, Max: 9}, spread([]float64{9, 1, 2}))
	assert.Equal(t, Spread{Median: 2.5, Min: 1, Max: 4}, spread([]float64{4, 3, 2, 1}))
	assert.Equal(t, Spread{}, spread(nil))
	assert.Equal(t, Spread{Median: 5, Min: 5, Max: 5}, spread([]float64{5}))
}

func TestRatiosAreTakenWithinARepetition(t *testing.T) {
	// The second time the machine was slower, for both.
	assert.Equal(t, Spread{Median: 2, Min: 2, Max: 2}, ratios([]float64{2, 20, 2}, []float64{1, 10, 1}))
	assert.Equal(t, Spread{Median: 2, Min: 2, Max: 2}, ratios([]float64{2, 4, 9}, []float64{1, 2}), "the shorter decides")
}

// fake is a subject that records its calls.
type fake struct {
	name  string
	calls *[]string
}

func (f fake) Name() string { return f.name }

func (f fake) Prepare(context.Context, string) error {
	*f.calls = append(*f.calls, "prepare "+f.name)
	return nil
}

func (f fake) Build(context.Context, *catalog.Catalog, string) error {
	*f.calls = append(*f.calls, f.name)
	return nil
}

func TestSubjectsTakeTurns(t *testing.T) {
	var calls []string
	c := Case{Name: "case", Repeat: 2, State: t.TempDir(), GoCache: t.TempDir(),
		Subjects: []Subject{fake{"a", &calls}, fake{"b", &calls}}}
	times, err := measure(t.Context(), c, func(string) {})
	require.NoError(t, err)
	assert.Equal(t, "prepare a, a, prepare b, b, a, b, b, a", strings.Join(calls, ", "))
	require.Len(t, times, 2)
	assert.Len(t, times[1].Seconds, 2)

	calls, c.Cold, c.State = nil, true, t.TempDir()
	_, err = measure(t.Context(), c, func(string) {})
	require.NoError(t, err)
	assert.Equal(t, "prepare a, a, prepare b, b, prepare b, b, prepare a, a", strings.Join(calls, ", "))
}

// fakeEngine is an engine that records when it is emptied.
type fakeEngine struct {
	fake
	full error
}

func (f fakeEngine) Empty(context.Context) error {
	*f.calls = append(*f.calls, "empty "+f.name)
	return f.full
}

func (fakeEngine) answers(context.Context) error { return nil }

func TestAnEngineIsEmptiedForAColdBuildOnly(t *testing.T) {
	var calls []string
	c := Case{Name: "case", Repeat: 1, State: t.TempDir(), GoCache: t.TempDir(), Subjects: []Subject{fakeEngine{fake{"e", &calls}, nil}}}
	_, err := measure(t.Context(), c, func(string) {})
	require.NoError(t, err)
	assert.Equal(t, "prepare e, e, e", strings.Join(calls, ", "))

	calls, c.Cold = nil, true
	_, err = measure(t.Context(), c, func(string) {})
	require.NoError(t, err)
	assert.Equal(t, "empty e, prepare e, e", strings.Join(calls, ", "))

	c.Subjects = []Subject{fakeEngine{fake{"e", &calls}, errors.New("in use")}}
	_, err = measure(t.Context(), c, func(string) {})
	require.EqualError(t, err, "case: empty the caches of e: in use")
}

func TestEnginesAreEmptiedOnlyOnRequest(t *testing.T) {
	o := options{engines: []Subject{dagger{name: nameDagger}, buildkit{}}}
	assert.Empty(t, o.emptied())
	o.emptyEngines = true
	assert.Len(t, o.emptied(), 2)
}

func TestTheChildrenOfACommandEndWithIt(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	// The sleep keeps the shell's output open; only its end lets the command return.
	require.Error(t, runCommand(exec.CommandContext(ctx, "sh", "-c", "sleep 30 & wait")))
	assert.Less(t, time.Since(start), 20*time.Second)
}

func TestProcessorTimeOfTheChildrenOfACommand(t *testing.T) {
	before := cpuOfChildren()
	require.NoError(t, runCommand(exec.CommandContext(t.Context(), "sh", "-c", "(i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done)")))
	assert.Greater(t, cpuOfChildren(), before)
}

func TestTargetsAreJudged(t *testing.T) {
	results := []Result{
		newResult(caseSame, []Times{{Subject: nameGo, Seconds: []float64{0.1}}, {Subject: nameTool, Seconds: []float64{0.31}}}),
		newResult(caseEdit, []Times{{Subject: nameGo, Seconds: []float64{1}}, {Subject: nameTool, Seconds: []float64{1.5}}, {Subject: nameKo, Seconds: []float64{5}},
			{Subject: nameDagger, Seconds: []float64{2.5}}, {Subject: nameIdleDagger, Seconds: []float64{0.5}}}),
		newResult(caseEditOf(5), []Times{{Subject: nameTool, Seconds: []float64{1}}}),
		newResult(caseEditOf(100), []Times{{Subject: nameTool, Seconds: []float64{3}}}),
	}
	var got []string
	for _, row := range targetRows(judge(results, targets)) {
		got = append(got, strings.Join(row, " | "))
	}
	assert.Equal(t, []string{
		"nothing changed: tool at most 0.3 s | 0.31 s | NO",
		"one function edited: tool at most 1.8x go build | 1.50x | yes",
		"one function edited: tool at most 0.4x ko | 0.30x | yes",
		"one function edited: Dagger at most Dagger, its version + 1.5x go build | 2.00x | NO",
		"100 functions, one edited: tool at most 2x tool with 5 functions, one edited | 3.00x | NO",
	}, got, "targets that were not measured are left out")
}

func TestTables(t *testing.T) {
	r := Run{Machine: Machine{OS: "linux/amd64", Cores: 2, Go: "go1.26.8", Ko: "v0.19.1"},
		Results: []Result{newResult("a case", []Times{{Subject: nameGo, Seconds: []float64{1, 2, 3}}, {Subject: nameTool, Seconds: []float64{20, 30, 45}}})}}
	var text, markdown strings.Builder
	require.NoError(t, r.write(&text, format{}))
	assert.Contains(t, text.String(), "a case (3 times)  go build  2.00 s  1.00-3.00")
	assert.Regexp(t, `\n +tool +30\.0 s +20\.0-45\.0 +15\.00 *\n`, text.String())
	require.NoError(t, r.write(&markdown, format{markdown: true}))
	assert.Contains(t, markdown.String(), "| CASE | SUBJECT | TIME | LOWEST-HIGHEST | CPU | x GO BUILD |\n| --- | --- | ---: |", "ko was not measured, so it has no column")
	assert.Contains(t, markdown.String(), "| | tool | 30.0 s | 20.0-45.0 | | 15.00 |\n")

	file := filepath.Join(t.TempDir(), "run.json")
	var data, again strings.Builder
	require.NoError(t, r.write(&data, format{json: true}))
	require.NoError(t, os.WriteFile(file, []byte(data.String()), 0o644))
	read, err := readRun(file)
	require.NoError(t, err)
	require.NoError(t, read.write(&again, format{}))
	assert.Equal(t, text.String(), again.String())
}

func TestSizes(t *testing.T) {
	row := func(name, platform string, binary int64) build.Row {
		return build.Row{Function: catalog.Function{Image: name}, Platform: platform, Size: 40_000_000 + binary, Layers: []build.Layer{{Size: 40_000_000}, {Size: binary}}}
	}
	header, rows := sizeTable(sizesOf(build.Report{Images: []build.Row{
		row("api", "linux/amd64", 10_000_000), row("api", "linux/arm64", 8_000_000), row("thumb", "linux/amd64", 4_000_000), row("thumb", "linux/arm64", 4_000_000),
	}}))

	assert.Equal(t, []string{"IMAGE", "linux/amd64, MB", "PROGRAM, MB", "linux/arm64, MB", "PROGRAM, MB", "RATIO"}, header)
	assert.Equal(t, [][]string{{"api", "50.0", "10.0", "48.0", "8.0", "0.96"}, {"thumb", "44.0", "4.0", "44.0", "4.0", "1.00"}}, rows)
}

func TestEditChangesOneLineAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(file, []byte("package main\n\nfunc other() {}\n\nfunc main() { other() }\n"), 0o644))
	e, err := newEdit(dir, "main")
	require.NoError(t, err)
	for _, want := range []string{"1 of main", "2 of main"} {
		require.NoError(t, e.Apply())
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "package main\n\nfunc other() {}\n\nfunc main() {\n\tprintln(\"edit "+want+"\")\n other() }\n", string(got))
	}
	_, err = newEdit(dir, "missing")
	assert.ErrorContains(t, err, "has no func missing")
}

// It fails when a Go function that the benchmark edits is renamed.
func TestTheEditsFindTheirPlace(t *testing.T) {
	w, err := copyWorkspace(repository, t.TempDir())
	require.NoError(t, err)
	_, err = newEdit(filepath.Join(w.Root, editedFunction), "main")
	require.NoError(t, err)
	_, err = newEdit(filepath.Join(w.Root, editedPackage), "Start")
	assert.NoError(t, err)
}

func TestGeneratedFunctionsCompileAndAnEditChangesOne(t *testing.T) {
	w, err := generateWorkspace(repository, t.TempDir(), 2)
	require.NoError(t, err)
	require.Len(t, w.Functions, 2)

	out := t.TempDir()
	build := func() (digests []string) {
		// Not bareGo, which would compile everything with an empty Go build cache.
		cmd, err := gobuild.Command(t.Context(), w, w.Functions, platform, out)
		require.NoError(t, err)
		require.NoError(t, runCommand(cmd))
		for _, f := range w.Functions {
			binary, err := gobuild.Open(out, f)
			require.NoError(t, err)
			digests = append(digests, binary.Digest)
		}
		return digests
	}
	before := build()
	e, err := newEdit(filepath.Join(w.Root, w.Functions[0].Folder), "handle")
	require.NoError(t, err)
	require.NoError(t, e.Apply())
	after := build()
	assert.NotEqual(t, before[0], after[0], "the edited one changed")
	assert.Equal(t, before[1], after[1], "the other one is the same")
}

func TestKoGetsTheSameFlags(t *testing.T) {
	config, err := ko{registry: "localhost:1", base: "localhost:1/base:static"}.config()
	require.NoError(t, err)
	for _, f := range gobuild.Flags(catalog.Function{}) {
		assert.Contains(t, string(config), `"`+f+`"`)
	}
	assert.Equal(t, []string{"A=1", "GOFLAGS="}, ko{}.environment([]string{"A=1", "GOOS=linux", "GOARCH=amd64", "GOFLAGS="}))
}

func TestTheRegistryAcceptsABase(t *testing.T) {
	layoutDir := t.TempDir()
	c, err := cache.New(t.TempDir())
	require.NoError(t, err)
	made, _, err := base.Get(t.Context(), c, pin.Choice{Pin: image.Offline}, platform)
	require.NoError(t, err)
	require.NoError(t, base.Write(layoutDir, c, made))
	server, err := localregistry.Start(filepath.Join(t.TempDir(), "registry"), 0)
	require.NoError(t, err)
	defer server.Close()
	ref, err := pushBase(server.Host, layoutDir)
	require.NoError(t, err)
	assert.Equal(t, server.Host+"/base:static", ref)
}

func TestChart(t *testing.T) {
	r := Run{Machine: Machine{Cores: 2, Time: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}, Results: []Result{
		newResult(caseCold, []Times{{Subject: nameGo, Seconds: []float64{2}}, {Subject: nameKo, Seconds: []float64{4}}}),
		newResult(caseSame, []Times{{Subject: "<&>", Seconds: []float64{0.01}}}),
	}}
	var b strings.Builder
	require.NoError(t, r.write(&b, format{svg: true}))
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	widths := map[string]string{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "it is XML")
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			widths[attr["class"]+" "+attr["width"]] = attr["y"]
		}
	}
	assert.Contains(t, widths, "others 550", "the longest bar has the whole width")
	assert.Contains(t, widths, "limit 275", "half the time is half the width")
	assert.Less(t, strings.Index(b.String(), caseSame), strings.Index(b.String(), caseCold), "cases have the chart's order")
}

// A command of the first run is what a newcomer types, also under `make bench ARGS=--first-run`.
func TestTheFirstRunHasNoArgumentsOfMake(t *testing.T) {
	t.Setenv("MAKEFLAGS", " -- ARGS=--first-run")
	t.Setenv("ARGS", "--first-run")
	t.Setenv("MAKELEVEL", "1")
	env, err := emptyCaches(t.TempDir())
	require.NoError(t, err)
	for _, v := range env {
		assert.NotRegexp(t, "^(ARGS|MAKE[A-Z]*|MFLAGS)=", v)
	}
}

package vulncheck_test

import (
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(t.TempDir())
	require.NoError(t, err)
	return c
}

// address is the address of the test's database, or of a copy.
func address(t *testing.T, dir string) string {
	t.Helper()
	a, err := vulncheck.Database(dir)
	require.NoError(t, err)
	return a
}

// check examines the workspace. followed is the number of functions whose calls were
// followed.
func check(t *testing.T, c *catalog.Catalog, database string, kept *cache.Cache, platform v1.Platform) (r *vulncheck.Report, followed int) {
	t.Helper()
	step := func(name string) func(error) {
		if strings.HasPrefix(name, "follow the calls of ") {
			followed++
		}
		return func(error) {}
	}
	r, err := vulncheck.New(database, kept, step).Run(t.Context(), c, c.Functions, platform)
	require.NoError(t, err)
	return r, followed
}

// reached returns the findings, one line each.
func reached(r *vulncheck.Report) map[string][]string {
	found := map[string][]string{}
	for _, f := range r.Functions {
		found[f.Image] = []string{}
		for _, v := range f.Findings {
			line := strings.TrimRight(strings.Join([]string{string(v.Reach), v.ID, v.Module, v.Found, v.Fixed}, " "), " ")
			if len(v.Symbols) > 0 {
				line += " " + strings.Join(v.Symbols, ",")
			}
			if way := v.Way(); way != "" {
				line += ": " + way
			}
			found[f.Image] = append(found[f.Image], line)
		}
	}
	return found
}

const database = "testdata/db"

func TestWhichFunctionsAreReached(t *testing.T) {
	c := workspace(t, "called", "imported", "required", "stranger", "direct", "booted", "tagged")
	library := "stdlib v" + strings.TrimPrefix(testkit.Toolchain(), "go")

	r, followed := check(t, c, address(t, database), newCache(t), testkit.AMD64)

	assert.Equal(t, map[string][]string{
		"called": {
			"called GO-2026-0001 example.test/words v1.0.0 v1.1.0 words.Shout: called-lambda.main -> called-lambda.say -> words.Shout",
			"called GO-2026-0002 " + library + " strings.ToUpper: called-lambda.main -> called-lambda.say -> words.Shout -> strings.ToUpper"},
		"imported": {
			"imported GO-2026-0001 example.test/words v1.0.0 v1.1.0",
			"imported GO-2026-0002 " + library},
		"required": {
			"required GO-2026-0001 example.test/words v1.0.0 v1.1.0",
			"required GO-2026-0002 " + library},
		"stranger": {
			"required GO-2026-0002 " + library},
		"direct": {
			"linked GO-2026-0001 example.test/words v1.0.0 v1.1.0 words.Shout",
			"linked GO-2026-0002 " + library + " strings.ToUpper"},
		"booted": {
			"called GO-2026-0001 example.test/words v1.0.0 v1.1.0 words.Shout: boot.Function.Invoke -> booted-lambda.handle -> words.Shout",
			"called GO-2026-0002 " + library + " strings.ToUpper: boot.Function.Invoke -> booted-lambda.handle -> words.Shout -> strings.ToUpper"},
		"tagged": {
			"required GO-2026-0002 " + library},
	}, reached(r))
	assert.Equal(t, []string{"booted", "called", "direct"}, r.Redeploy)
	assert.Equal(t, 4, followed, "only of those that import a vulnerable package")
	assert.Equal(t, "2026-03-04T05:06:07Z", r.Modified.Format("2006-01-02T15:04:05Z07:00"))
	require.EqualError(t, r.Err(), "vulncheck: 2 vulnerabilities are reached by 3 functions; move to the fixed versions and redeploy: booted, called, direct")
	require.Len(t, r.Fixes(), 1, "the library has no version to move to")
	assert.Equal(t, "go get example.test/words@v1.1.0 in functions/booted-lambda, functions/called-lambda, functions/direct-lambda", r.Fixes()[0].String())
	called := r.Functions[1].Findings[0]
	assert.Equal(t, []string{"CVE-2026-1001"}, called.Aliases)
	assert.Equal(t, "Shouting is too loud", called.Summary)
	assert.Equal(t, vulncheck.Call{Package: "lambdas.internal/functions/called-lambda", Function: "say", Position: "main.go:7"}, called.Chain[1])
}

func TestThePlatformIsThatOfTheImages(t *testing.T) {
	c := workspace(t, "tagged")

	r, _ := check(t, c, address(t, database), newCache(t), v1.Platform{OS: "linux", Architecture: "arm64"})

	assert.Equal(t, []string{"tagged"}, r.Redeploy, "one file is for arm64 only")
}

func TestLongWhatDidNotChangeIsNotFollowedAgain(t *testing.T) {
	c, kept := workspace(t, "called", "imported"), newCache(t)
	db := t.TempDir()
	require.NoError(t, os.CopyFS(db, os.DirFS(database)))
	first, followed := check(t, c, address(t, db), kept, testkit.AMD64)
	assert.Equal(t, 2, followed)

	again, followed := check(t, c, address(t, db), kept, testkit.AMD64)
	assert.Zero(t, followed)
	assert.Equal(t, reached(first), reached(again))
	assert.True(t, again.Functions[0].Reused)
	require.EqualError(t, again.Err(), first.Err().Error())

	// One function changes.
	file := filepath.Join(c.Root, "functions/imported-lambda/main.go")
	require.NoError(t, os.WriteFile(file, []byte(mains["called"]), 0o644))
	edited, followed := check(t, c, address(t, db), kept, testkit.AMD64)
	assert.Equal(t, 1, followed)
	assert.Equal(t, []string{"called", "imported"}, edited.Redeploy)

	// The database now names another symbol for a vulnerability.
	name := filepath.Join(db, "ID", "GO-2026-0001.json")
	entry, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, []byte(strings.ReplaceAll(string(entry), `"Shout"`, `"Greet"`)), 0o644))
	other, followed := check(t, c, address(t, db), kept, testkit.AMD64)
	assert.Equal(t, 2, followed)
	assert.Equal(t, []string{"words.Greet"}, other.Functions[0].Findings[0].Symbols)
}

func TestADatabaseOfTheNetwork(t *testing.T) {
	c := workspace(t, "called", "required")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(filepath.Join(database, strings.TrimSuffix(r.URL.Path, ".gz")))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		zw := gzip.NewWriter(w)
		defer zw.Close()
		_, _ = zw.Write(data)
	}))
	defer server.Close()

	far, _ := check(t, c, address(t, server.URL+"/"), newCache(t), testkit.AMD64)
	near, _ := check(t, c, address(t, database), newCache(t), testkit.AMD64)

	assert.Equal(t, reached(near), reached(far))
	assert.Equal(t, server.URL, far.Database)
	server.Close()
	_, err := vulncheck.New(server.URL, newCache(t), func(string) func(error) { return func(error) {} }).Run(t.Context(), c, c.Functions, testkit.AMD64)
	require.ErrorContains(t, err, "vulncheck called (functions/called-lambda): ")
	require.ErrorContains(t, err, "; to use a copy of the database, pass --db")
	assert.NotContains(t, err.Error(), "\n")
}

func TestWhatCannotBeExamined(t *testing.T) {
	c := workspace(t, "called")
	scanner := vulncheck.New(address(t, database), newCache(t), func(string) func(error) { return func(error) {} })
	file := filepath.Join(c.Root, "functions/called-lambda/main.go")
	require.NoError(t, os.WriteFile(file, []byte("package main\n\nfunc main() { undefined() }\n"), 0o644))
	_, err := scanner.Run(t.Context(), c, c.Functions, testkit.AMD64)
	require.NoError(t, err, "its imports are known, and none is vulnerable")

	require.NoError(t, os.WriteFile(file, []byte("package main\n\nimport \"example.test/words\"\n\nfunc main() { undefined(words.Shout) }\n"), 0o644))
	_, err = scanner.Run(t.Context(), c, c.Functions, testkit.AMD64)
	require.ErrorContains(t, err, "main.go:5:15: undefined: undefined")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = scanner.Run(ctx, c, c.Functions, testkit.AMD64)
	require.ErrorIs(t, err, context.Canceled)
}

func TestDatabase(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{
		"empty/index/modules.json":  "[]",
		"broken/index/modules.json": "{",
		"a b%/index/modules.json":   `[{"path": "x"}]`,
		"file":                      "",
	})
	for text, want := range map[string]struct{ address, err string }{
		"":                            {"https://vuln.go.dev", ""},
		"https://example.test/db/":    {"https://example.test/db", ""},
		"http://127.0.0.1:1":          {"http://127.0.0.1:1", ""},
		"ftp://example.test":          {"", `"ftp://example.test" is not a database: pass an https URL or a folder`},
		dir + "/a b%":                 {"file://" + dir + "/a%20b%25", ""},
		"file://" + dir + "/a%20b%25": {"file://" + dir + "/a%20b%25", ""},
		dir + "/gone":                 {"", dir + "/gone is not a vulnerability database: index/modules.json is missing; see https://go.dev/security/vuln/database#api"},
		dir + "/empty":                {"", dir + "/empty: index/modules.json lists no modules, so no vulnerability would be found"},
		dir + "/broken":               {"", dir + "/broken: index/modules.json: unexpected end of JSON input"},
		dir + "/file":                 {"", "not a directory"},
		"https://example.test/%zz":    {"", "invalid URL escape"},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := vulncheck.Database(text)
			if want.err != "" {
				require.ErrorContains(t, err, want.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want.address, got)
		})
	}
}

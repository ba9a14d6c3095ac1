package osv_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/osv"
	"lambdas.internal/ci/tool/internal/testkit"
)

func version(t *testing.T, text string) osv.Version {
	t.Helper()
	v, ok := osv.ParseVersion(text)
	require.True(t, ok, text)
	return v
}

// judged returns the verdicts of a database on a version, one line each.
func judged(t *testing.T, db *osv.Database, v string) (lines []string) {
	t.Helper()
	records, err := db.FFmpeg(t.Context())
	require.NoError(t, err)
	for _, r := range records {
		j := r.Judge(version(t, v))
		switch j.Verdict {
		case osv.Affected:
			lines = append(lines, strings.TrimRight(r.ID+" affected "+j.Fixed, " "))
		case osv.Unknown:
			lines = append(lines, r.ID+" unknown: "+j.Why)
		default:
			lines = append(lines, r.ID+" unaffected")
		}
	}
	return lines
}

func open(t *testing.T, text string) *osv.Database {
	t.Helper()
	db, err := osv.Open(text)
	require.NoError(t, err)
	return db
}

const folder = "testdata/ffmpeg"

func TestAFolderOfRecords(t *testing.T) {
	unknown := "OSV-2026-300 unknown: names commits, not versions"
	for v, want := range map[string][]string{
		"7.1.1":  {"CVE-2026-8461 affected 8.1.2", "OSV-2026-100 unaffected", unknown},
		"5.1.4":  {"CVE-2026-8461 affected 8.1.2", "OSV-2026-100 affected", unknown},
		"8.1.2":  {"CVE-2026-8461 unaffected", "OSV-2026-100 unaffected", unknown},
		"n9.0.2": {"CVE-2026-8461 unaffected", "OSV-2026-100 unaffected", unknown},
	} {
		t.Run(v, func(t *testing.T) { assert.Equal(t, want, judged(t, open(t, folder), v)) })
	}
}

// api answers as the API of OSV does: the records of one package, one on a page.
func api(t *testing.T) *httptest.Server {
	t.Helper()
	pages := map[string][]string{ // by the name of the package; the last one is on no page
		"https://git.ffmpeg.org/ffmpeg.git": {"CVE-2026-8461", "OSV-2026-300"},
		"https://github.com/FFmpeg/FFmpeg":  {"CVE-2026-9200"},
		"ffmpeg":                            {"OSV-2026-100", "OSV-2026-300"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Package struct{ Ecosystem, Name string }
			Version *string
			Page    string `json:"page_token"`
		}
		if r.Method != http.MethodPost || r.URL.Path != "/v1/query" || json.NewDecoder(r.Body).Decode(&q) != nil || q.Version != nil {
			http.Error(w, `{"code":3,"message":"Invalid query."}`, http.StatusBadRequest)
			return
		}
		records, page := pages[q.Package.Name], 0
		if q.Page != "" {
			_, err := fmt.Sscanf(q.Page, "page %d", &page)
			assert.NoError(t, err)
		}
		if page >= len(records) {
			fmt.Fprint(w, "{}")
			return
		}
		data, err := os.ReadFile(filepath.Join(folder, records[page]+".json"))
		assert.NoError(t, err)
		answer := map[string]any{"vulns": []json.RawMessage{data}}
		if page+1 < len(records) {
			answer["next_page_token"] = fmt.Sprintf("page %d", page+1)
		}
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestTheAPISaysWhatTheFolderSays(t *testing.T) {
	server := api(t)

	got := judged(t, open(t, server.URL+"/"), "7.1.1")

	assert.Equal(t, judged(t, open(t, folder), "7.1.1"), got)
	assert.Equal(t, server.URL, open(t, server.URL+"/").String())
}

func TestDatabasesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{
		"empty/README":          "",
		"other/GO-1.json":       `{"id": "GO-1", "affected": [{"package": {"ecosystem": "Go", "name": "ffmpeg"}}]}`,
		"cut/a.json":            `{"id": "CVE-1", "affected": [`,
		"cut-ffmpeg/a.json":     `{"id": "CVE-1", "summary": "ffmpeg`,
		"no-id/a.json":          `{"summary": "ffmpeg"}`,
		"odd/a.json":            `{"id": 7, "summary": "ffmpeg"}`,
		"withdrawn/a.json":      `{"id": "CVE-1", "withdrawn": "2026-01-01T00:00:00Z", "affected": [{"package": {"name": "ffmpeg"}}]}`,
		"withdrawn/b/notes.txt": "not a record",
	})
	serve := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	gone := serve(http.StatusOK, "")
	for name, c := range map[string]struct{ text, err string }{
		"no such folder":        {dir + "/gone", "gone does not exist; pass a folder of OSV records, or the URL of an OSV API"},
		"a file":                {dir + "/empty/README", "README is not a folder; pass a folder of OSV records, or the URL of an OSV API"},
		"another scheme":        {"ftp://example.test", `"ftp://example.test" is not an OSV API; pass an https URL, or a folder of OSV records`},
		"a URL that is none":    {"https://example.test/%zz", "invalid URL escape"},
		"an empty folder":       {dir + "/empty", "empty has no record of ffmpeg; OSV keeps them in its ecosystems GIT and OSS-Fuzz"},
		"another ecosystem":     {dir + "/other", "other has no record of ffmpeg; "},
		"a record cut short":    {dir + "/cut", "a.json is not valid JSON; unpack the folder again"},
		"ffmpeg's cut short":    {dir + "/cut-ffmpeg", "a.json is not an OSV record: unexpected end of JSON input; unpack the folder again"},
		"a record without id":   {dir + "/no-id", "a.json is not an OSV record: it has no id"},
		"an odd record":         {dir + "/odd", "a.json is not an OSV record: "},
		"all withdrawn":         {dir + "/withdrawn", ""},
		"a server that is down": {"http://127.0.0.1:1", "connection refused"},
		"an API that refuses":   {serve(http.StatusBadRequest, "{\"message\":\"Invalid ecosystem.\"}\nmore"), "answers 400 Bad Request: {\"message\":\"Invalid ecosystem.\"}"},
		"a page of a proxy":     {serve(http.StatusOK, "<html>"), "is not one of the OSV API: invalid character '<'"},
		"an API without ffmpeg": {serve(http.StatusOK, "{}"), "has no record of ffmpeg"},
		"a page without end":    {serve(http.StatusOK, `{"next_page_token": "again"}`), "names the same page of https://git.ffmpeg.org/ffmpeg.git again and again"},
		"no answer":             {gone, "is not one of the OSV API: unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := osv.Open(c.text)
			if err == nil {
				_, err = db.FFmpeg(t.Context())
			}
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	official, err := osv.Open("")
	require.NoError(t, err)
	assert.Equal(t, "https://api.osv.dev", official.String())
}

func TestJudge(t *testing.T) {
	git := func(specific, events string) string {
		return `{"type": "GIT", "repo": "https://github.com/FFmpeg/FFmpeg.git/", "database_specific": {` + specific + `}, "events": [` + events + `]}`
	}
	ends := `{"introduced": "0"}, {"fixed": "abc"}`
	for name, c := range map[string]struct {
		affected string
		want     osv.Judgement
	}{
		"listed":                            {`"versions": ["n9.0.2"], "ranges": [` + git("", ends) + `]`, osv.Judgement{Verdict: osv.Affected}},
		"listed without the n":              {`"versions": ["9.0.2"], "ranges": [` + git("", ends) + `]`, osv.Judgement{Verdict: osv.Affected}},
		"others listed, and fixed":          {`"versions": ["n8.0", "n9.0.20"], "ranges": [` + git("", ends) + `]`, osv.Judgement{}},
		"an old list, and no fix":           {`"versions": ["n8.0", "n9.0-dev"], "ranges": [` + git("", `{"introduced": "0"}`) + `]`, osv.Judgement{Verdict: osv.Unknown, Why: "names no fix, and its list of versions is older"}},
		"a new list, and no fix":            {`"versions": ["n9.0.3"], "ranges": [` + git("", `{"introduced": "abc"}`) + `]`, osv.Judgement{}},
		"commits":                           {`"ranges": [` + git("", ends) + `]`, osv.Judgement{Verdict: osv.Unknown, Why: "names commits, not versions"}},
		"nothing":                           {`"package": {"name": "FFmpeg"}`, osv.Judgement{Verdict: osv.Unknown, Why: "names commits, not versions"}},
		"commits and their versions":        {`"ranges": [` + git(`"extracted_events": [{"introduced": "9.0"}, {"fixed": "9.0.3"}]`, ends) + `]`, osv.Judgement{Verdict: osv.Affected, Fixed: "9.0.3"}},
		"commits and versions, older field": {`"ranges": [` + git(`"versions": [{"introduced": "0"}, {"fixed": "9.0.2"}]`, ends) + `]`, osv.Judgement{}},
		"a range":                           {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "9.0.10"}, {"introduced": "9"}]}]`, osv.Judgement{Verdict: osv.Affected, Fixed: "9.0.10"}},
		"the fix is this version":           {`"package": {"purl": "pkg:generic/ffmpeg"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.0.2"}]}]`, osv.Judgement{}},
		"the last affected":                 {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "9.0.2"}]}]`, osv.Judgement{Verdict: osv.Affected}},
		"after the last affected":           {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "9.0.1"}]}]`, osv.Judgement{}},
		"two branches, fixed in this":       {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.0.1"}, {"introduced": "9.1"}, {"fixed": "9.1.4"}]}]`, osv.Judgement{}},
		"two branches, fixed later":         {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "9.1"}, {"fixed": "9.1.4"}, {"introduced": "0"}, {"fixed": "9.0.3"}]}]`, osv.Judgement{Verdict: osv.Affected, Fixed: "9.0.3"}},
		"a version that is none":            {`"package": {"name": "ffmpeg"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.1-rc1"}]}]`, osv.Judgement{Verdict: osv.Unknown, Why: "names versions that cannot be compared"}},
		"another project's commits too":     {`"versions": ["n8.0"], "ranges": [` + git("", ends) + `, {"type": "GIT", "repo": "https://example.test/x", "events": [{"introduced": "0"}]}]`, osv.Judgement{}},
	} {
		t.Run(name, func(t *testing.T) {
			var r osv.Record
			require.NoError(t, json.Unmarshal([]byte(`{"id": "X", "affected": [{"package": {"ecosystem": "npm", "name": "other"}, "versions": ["9.0.2"]}, {`+c.affected+`}]}`), &r))
			assert.Equal(t, c.want, r.Judge(version(t, "9.0.2")))
		})
	}
}

func TestParseVersion(t *testing.T) {
	for _, text := range []string{"latest", "", "n9.1-dev", "9.0-rc1", "N-47683-g0e8eb07980", "9.0.2-amd64", "9..0", "99999999999"} {
		_, ok := osv.ParseVersion(text)
		assert.False(t, ok, text)
	}
	assert.Zero(t, version(t, "n7.1").Compare(version(t, "7.1.0-1")))
	assert.Negative(t, version(t, "9.0.9").Compare(version(t, "9.0.10")))
}

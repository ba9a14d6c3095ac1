package vulncheck

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const begun = `{"config": {"protocol_version": "v1.0.0", "db_last_modified": "2026-03-04T05:06:07Z"}}
{"progress": {"message": "something that is new"}} {"SBOM": {"modules": [{"path": "a"}, {"path": "b"}]}}
`

func TestReadStream(t *testing.T) {
	for name, c := range map[string]struct{ stream, err string }{
		"nothing found":             {begun, ""},
		"nothing at all":            {"", "govulncheck sent no messages"},
		"no configuration":          {`{"SBOM": {}}`, "govulncheck sent no messages"},
		"cut short":                 {begun + `{"finding": {"osv": "`, "read the messages of govulncheck: unexpected EOF"},
		"no JSON":                   {begun + "govulncheck: loading packages\n", "read the messages of govulncheck: invalid character 'g' looking for beginning of value"},
		"a finding without a trace": {begun + `{"finding": {"osv": "GO-1", "trace": []}}`, "govulncheck does not say where the code of GO-1 is"},
		"an odd vulnerability":      {begun + `{"osv": {"id": 7}}`, "read the vulnerability in a message of govulncheck: json: cannot unmarshal number into Go struct field entry.id of type string"},
		"a finding of a module":     {begun + `{"osv": {"id": "GO-1"}} {"finding": {"osv": "GO-1", "trace": [{"module": "m"}]}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := readStream(strings.NewReader(c.stream))
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 2, s.modules)
			assert.Equal(t, 2026, s.modified.Year())
		})
	}
}

func frame(module, pkg, function string) rawFrame {
	return rawFrame{Module: module, Version: "v1.0.0", Package: pkg, Function: function}
}

func TestOfSeveralFindingsTheWorstCounts(t *testing.T) {
	s := &stream{entries: map[string]entry{"GO-1": {Aliases: []string{"CVE-1"}}}, findings: []rawFinding{
		{OSV: "GO-2", Trace: []rawFrame{frame("m", "", "")}},
		{OSV: "GO-1", FixedVersion: "v1.1.0", Trace: []rawFrame{frame("m", "", "")}},
		{OSV: "GO-1", Trace: []rawFrame{frame("m", "m/v2", "F"), frame("x", "x/b", "b"), frame("x", "x", "main")}},
		{OSV: "GO-1", Trace: []rawFrame{frame("m", "m/v2", "G"), frame("x", "x", "main")}},
		{OSV: "GO-1", Trace: []rawFrame{frame("m", "m/v2", "F"), frame("x", "x/a", "a"), frame("x", "x", "main")}},
		{OSV: "GO-1", Trace: []rawFrame{frame("m", "m/v2", "")}},
		{OSV: "GO-1", Trace: []rawFrame{frame("other", "other", "")}},
	}}

	got := s.result(false)

	require.Len(t, got, 3)
	assert.Equal(t, Finding{ID: "GO-1", Aliases: []string{"CVE-1"}, Module: "m", Found: "v1.0.0", Fixed: "v1.1.0", Reach: Called,
		Symbols: []string{"m.F", "m.G"}, Chain: []Call{{Package: "x", Function: "main"}, {Package: "m/v2", Function: "G"}}}, got[0])
	assert.Equal(t, Imported, got[1].Reach)
	assert.Equal(t, "other", got[1].Module)
	assert.Equal(t, "GO-2", got[2].ID)
	assert.Equal(t, Required, got[2].Reach)

	linked := s.result(true)
	assert.Equal(t, Linked, linked[0].Reach)
	assert.Empty(t, linked[0].Way(), "a binary does not show who calls")
}

func TestWhatTheBinaryAdds(t *testing.T) {
	of := func(id string, r Reach, symbols ...string) Finding {
		return Finding{ID: id, Module: "m", Reach: r, Symbols: symbols}
	}
	got := withBinary(
		[]Finding{of("GO-1", Called, "F"), of("GO-2", Imported), of("GO-3", Imported), of("GO-4", Required)},
		[]Finding{of("GO-1", Linked, "G"), of("GO-2", Linked, "H"), of("GO-3", Imported), of("GO-5", Linked, "K")})

	assert.Equal(t, []Finding{of("GO-1", Called, "F"), of("GO-2", Linked, "H"), of("GO-5", Linked, "K"), of("GO-3", Imported), of("GO-4", Required)}, got)
}

func TestWay(t *testing.T) {
	chain := func(names string) Finding {
		var f Finding
		for name := range strings.SplitSeq(names, "") {
			f.Chain = append(f.Chain, Call{Package: "x/" + name + "/v2", Function: "T.F[x/y.Z]"})
		}
		return f
	}
	assert.Equal(t, "a.T.F -> b.T.F", chain("ab").Way())
	assert.Equal(t, "a.T.F -> b.T.F -> c.T.F -> d.T.F -> e.T.F -> f.T.F -> g.T.F", chain("abcdefg").Way(), "a single call is not left out")
	assert.Equal(t, "a.T.F -> b.T.F -> c.T.F -> (2 more) -> f.T.F -> g.T.F -> h.T.F", chain("abcdefgh").Way())
}

func TestAReportThatExaminedNothing(t *testing.T) {
	require.EqualError(t, (&Report{}).Err(), "vulncheck: no function was examined")
	require.EqualError(t, (&Report{Functions: []Function{{Image: "api"}}}).Err(), "vulncheck api: no module was examined, so the result is unknown")
	require.NoError(t, (&Report{Functions: []Function{{Image: "api", Modules: 1}}}).Err())
}

func TestFixes(t *testing.T) {
	at := func(folder, module, fixed string, reach Reach) Function {
		return Function{Folder: folder, Findings: []Finding{{Module: module, Fixed: fixed, Reach: reach}}}
	}
	r := &Report{Functions: []Function{
		at("a", "m", "v1.2.0", Called), at("b", "m", "v1.10.0", Linked), at("b", "m", "v1.9.0", Called),
		at("c", "n", "v1.0.0", Imported), at("d", "o", "", Called), at("e", "stdlib", "v1.26.9", Called)}}
	var got []string
	for _, f := range r.Fixes() {
		got = append(got, f.String())
	}
	assert.Equal(t, []string{"go get m@v1.10.0 in a, b", "go.work: toolchain go1.26.9"}, got)
}

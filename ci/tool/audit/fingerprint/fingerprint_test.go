package fingerprint

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	prompt = "You are the curator of one family's photographs. Prefer faces over sights, laughter over poses."
	recipe = "Faces count twice, skies once;\nnever show two pictures of the same moment to one person."
)

const ranking = `package ranking

import (
	"math"
	"sort"

	"example.com/a/long/import/path/of/some/package"
)

// A comment that is long enough to be recognised by itself, wherever it stands.
var Prompt = "You are the curator of one " + family + " photographs. Prefer faces over sights, laughter over poses."

const family = "family's"

// short literals are one text in the program
const joined = "never two" + " of the" + " same scene" + " in a row, please"

type T struct {
	F string ` + "`json:\"a_field_name_that_is_long,omitempty\"`" + `
}

var weights = []float64{0.137, 2.25, 0.0311, 9.8125, 4.4409, 0.001953}

var levels = [...]uint16{17, 2023, 911, 4711, 1234, 815, 90, 77, 31, 5150, 808, 303, 1999, 64, 7, 12}

// Score says how good a picture is.
func Score(faces []Face, sharp, light float64) float64 {
	sum := 0.0
	for i, f := range faces {
		if f.Smile > 0.5 && f.Area > 0.01 {
			sum += weights[i%len(weights)] * math.Sqrt(f.Area) * (1 + f.Smile)
		}
	}
	sort.Slice(faces, func(a, b int) bool { return faces[a].Area > faces[b].Area })
	return sum*0.7 + math.Log1p(sharp)*0.2 + math.Abs(light-0.5)*0.1
}
`

// copied is Score with other names, other weights and other spaces.
const copied = `package tiles

import (
	m "math"
	"sort"
)

var factors = []float64{1, 2}

func Grade(boxes []Box, x, y float64) float64 {
	total := 1.0
	for n, b := range boxes {
		if b.Joy > 0.25 && b.Size > 0.5 { // another comment
			total += factors[n%len(factors)] * m.Sqrt(b.Size) * (3 + b.Joy)
		}
	}
	sort.Slice(boxes, func(p, q int) bool { return boxes[p].Size > boxes[q].Size })
	return total*0.9 + m.Log1p(x)*0.05 + m.Abs(y-0.1)*0.05
}
`

func fingerprint() *Fingerprint {
	p := New()
	p.Add(map[string][]byte{"private/ranking.go": []byte(ranking)})
	p.Add(map[string][]byte{"private/recipe.txt": []byte(recipe), "private/ruler.txt": []byte(strings.Repeat("-", 500)),
		"private/model.bin": weightsFile(), "private/table.csv": []byte("3.1415,2.7182\n1.4142,1.7320\n0.5772,1.6180\n")})
	p.AddPackage("example.internal/private/ranking", "private/ranking")
	return p
}

func weightsFile() []byte {
	random := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, 400)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

func stores[T any](t *testing.T, values ...T) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, binary.Write(&b, binary.LittleEndian, values))
	return b.String()
}

func TestFind(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	gzipped := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	for name, test := range map[string]struct{ content, finding string }{
		"nothing of it":                       {"hello", ""},
		"a constant with a part elsewhere":    {prompt, `text of private/ranking.go, line 11 (byte 7001): "` + prompt[:80] + `" and 14 more bytes`},
		"short literals that are one text":    {"never two of the same scene in a row, please", "text of private/ranking.go, line 16"},
		"a comment":                           {"A comment that is long enough to be recognised by itself", "text of private/ranking.go, line 10"},
		"a text in upper case":                {strings.ToUpper(recipe), "text of private/recipe.txt, line 1"},
		"a text with other spaces":            {strings.ReplaceAll(recipe, " ", "  \t"), "text of private/recipe.txt, line 1"},
		"a text with other punctuation":       {strings.NewReplacer(",", " -", ";", "", "\n", `\n`).Replace(recipe)[:30] + "Skies once. Never show two pictures of the same moment", "text of private/recipe.txt"},
		"a part of a text":                    {recipe[17:60], "text of private/recipe.txt, line 1"},
		"base64":                              {base64.StdEncoding.EncodeToString([]byte(recipe)), `(byte 0, as base64 at byte 70`},
		"hex":                                 {hex.EncodeToString([]byte(recipe)), "as hex at byte 7001"},
		"gzip":                                {gzipped(recipe + recipe), "as gzip at byte 7001"},
		"gzip in base64":                      {base64.StdEncoding.EncodeToString([]byte(gzipped(recipe + recipe))), "as base64 of gzip at byte 70"},
		"bytes of a file that is no text":     {string(weightsFile()[100:150]), "content of private/model.bin, line"},
		"a table as float64":                  {stores(t, 0.137, 2.25, 0.0311, 9.8125), "content of private/ranking.go, line 22"},
		"a table as float32":                  {stores[float32](t, 0.137, 2.25, 0.0311, 9.8125, 4.4409, 0.001953) + stores[float32](t, 0.1), ""},
		"a table of integers":                 {stores[uint16](t, 17, 2023, 911, 4711, 1234, 815, 90, 77, 31, 5150, 808, 303, 1999, 64, 7, 12), "content of private/ranking.go, line 24"},
		"a table of a text file as float64":   {stores(t, 3.1415, 2.7182, 1.4142, 1.7320), "content of private/table.csv, line 1"},
		"the name of a package":               {"example.internal/private/ranking.Score", "the package example.internal/private/ranking of private/ranking"},
		"an import path, a struct tag":        {"example.com/a/long/import/path/of/some/package a_field_name_that_is_long,omitempty", ""},
		"a text that is too short to be seen": {recipe[:20], ""},
	} {
		t.Run(name, func(t *testing.T) {
			findings := fingerprint().Find("the binary", slicesOf(noise[:7001], []byte(test.content), noise[7001:]))
			if test.finding == "" {
				assert.Empty(t, findings)
				return
			}
			require.NotEmpty(t, findings)
			assert.Contains(t, strings.Join(findings, "\n"), test.finding)
		})
	}
	assert.Equal(t, []string{"private/ruler.txt"}, fingerprint().Short)
	assert.NotEqual(t, fingerprint().Digest(), New().Digest())
}

func slicesOf(all ...[]byte) []byte { return bytes.Join(all, []byte("\x00 ")[:0]) }

func TestFindSource(t *testing.T) {
	for name, test := range map[string]struct{ file, content, finding string }{
		"code with other names, weights and comments": {"a.go", copied, "a.go, lines 8 to 19, is the code of private/ranking.go, line 24, whatever its names are"},
		"the file itself":             {"a.go", ranking, "a.go, lines 7 to 36, is the code of private/ranking.go, line 7, whatever its names are"},
		"other code":                  {"a.go", "package a\n\nimport \"sort\"\n\nfunc A(x []int) int {\n\tsort.Ints(x)\n\tfor i, y := range x {\n\t\tif y > 3 && i > 2 {\n\t\t\treturn y * i\n\t\t}\n\t}\n\treturn 0\n}\n", ""},
		"a table in another file":     {"a.json", `{"w":[0.137, 2.25, 0.0311, 9.8125, 4.4409, 0.001953, 5]}`, "a.json contains numbers of private/ranking.go, line 22"},
		"a table as a literal":        {"a.go", "package a\n\nvar x = map[string]float64{\"a\": .137, \"b\": 2.25, \"c\": 0.0311, \"d\": 9.8125, \"e\": 4.4409, \"f\": 1.953e-3}\n", "numbers of private/ranking.go"},
		"a source that is none":       {"a.go", "no Go", ""},
		"code that is not Go's":       {"a.txt", copied, ""},
		"numbers that every file has": {"a.go", "package a\n\nvar x = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			findings := append(fingerprint().FindSource(test.file, []byte(test.content)), fingerprint().FindCode(test.file, []byte(test.content))...)
			if test.finding == "" {
				assert.Empty(t, findings)
				return
			}
			assert.Contains(t, strings.Join(findings, "\n"), test.finding)
		})
	}
}

func TestWhatIsPublicIsNotFound(t *testing.T) {
	for name, test := range map[string]struct{ file, public, content string }{
		"a text":            {"LICENSE", strings.ToUpper(recipe), recipe},
		"a literal":         {"a.go", "package a\n\nconst x = \"Faces count twice, skies once;\\nnever show two pictures \" +\n\t\"of the same moment to one person.\"\n", recipe},
		"a table of floats": {"a.bin", stores(t, 3.1415, 2.7182, 1.4142, 1.7320), stores(t, 3.1415, 2.7182, 1.4142, 1.7320)},
	} {
		t.Run(name, func(t *testing.T) {
			p := fingerprint()
			require.NotEmpty(t, p.Find("x", []byte(test.content)))
			p.Forget(p.Public(test.file, []byte(test.public)))
			assert.Empty(t, p.Find("x", []byte(test.content)))
		})
	}
	p := fingerprint()
	p.Forget(p.PublicCode("copied.go", []byte(copied)))
	assert.Empty(t, p.FindCode("a.go", []byte(copied)))
}

func TestExceptions(t *testing.T) {
	p := fingerprint()
	require.NoError(t, p.ExceptText(recipe))
	assert.Empty(t, p.Find("x", []byte(recipe)))
	assert.NotEmpty(t, p.Find("x", []byte(prompt)))
	require.NoError(t, p.ExceptFunction("private/ranking.go", "Score"))
	assert.Empty(t, p.FindCode("a.go", []byte(copied)))
	assert.NotEqual(t, fingerprint().Digest(), p.Digest(), "an exception is part of the digest")

	require.ErrorContains(t, p.ExceptText("no private file has anything like this text here"), "no private file has this text")
	require.ErrorContains(t, p.ExceptText("short"), "shorter than the 24 letters")
	require.EqualError(t, p.ExceptFunction("private/ranking.go", "Scores"), "private/ranking.go has no function Scores; remove it")
	require.EqualError(t, p.ExceptFunction("a.go", "Score"), "a.go is no private file; remove it")
}

func TestNumbers(t *testing.T) {
	var got []float64
	for _, n := range textNumbers([]byte("a1 -2.5 .25 1e-3,7_000 0x1F 1.2.3 3-4 1e+2E 5."), false) {
		got = append(got, n.value)
	}
	assert.Equal(t, []float64{1, -2.5, .25, 1e-3, 7000, 0, 1, 3, -4}, got[:9])
	assert.False(t, math.IsNaN(got[len(got)-1]))
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(ranking), []byte(prompt))
	f.Fuzz(func(t *testing.T, private, public []byte) {
		p := New()
		p.Add(map[string][]byte{"a.go": private, "a.txt": private})
		p.FindSource("b.go", public)
		p.FindCode("b.go", public)
		p.Find("b", public)
		for _, c := range [][]byte{private, public} {
			p.Forget(p.Public("c.go", c))
			p.Forget(p.PublicCode("c.go", c))
			p.Forget(p.Public("c.txt", c))
		}
		assert.Empty(t, p.tables[raws].find(raw(public)))
	})
}

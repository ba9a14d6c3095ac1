package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
)

const score = `package rank

import (
	"math"
	"sort"
)

type Face struct{ Smile, Area float64 }

var weights = []float64{0.137, 2.25, 0.0311, 9.8125, 4.4409, 0.001953}

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

// rewritten is score with other names and weights.
var rewritten = strings.NewReplacer("package rank", "package tiles", "Face", "Box", "face", "box", "Smile", "Joy", "Area", "Size",
	"weights", "factors", "Score", "Grade", "sum", "total", "0.137", "0.5", "0.0311", "1.5", "9.8125", "2.5", "0.7", "0.9").Replace(score)

const (
	usesShared = "\n\nrequire example.internal/shared v0.0.0\n\nreplace example.internal/shared => ../../shared\n"
	alphaMod   = "module example.internal/alpha\n\ngo 1.26.1" + usesShared
	embeds     = "package main\n\nimport _ \"embed\"\n\n//go:embed data\nvar data string\n\nfunc main() { println(data) }\n"
)

func calls(importPath, call string) string {
	return "package main\n\nimport p \"" + importPath + "\"\n\nfunc main() { println(" + call + ") }\n"
}

// boundary is a workspace in which alpha is private and beta public.
func boundary(t *testing.T, files map[string]string) string {
	t.Helper()
	all := map[string]string{
		"functions/alpha/handler.go":       "package main\n\n// answer is what alpha says.\nconst answer = \"the trip has no picture that anyone at home would miss\"\n",
		"functions/alpha/prompt.txt":       "Faces count twice, skies once; never show two pictures of the same moment.\n",
		"functions/alpha/recipe/recipe.go": "package recipe\n\nfunc Mix() int { return 3 }\n",
		"shared/proprietary/rank/rank.go":  score,
	}
	for name, content := range files {
		all[name] = content
	}
	return publishable(t, all)
}

// attack is what is done to the public function beta, and what the audit says.
type attack struct {
	files   map[string]string
	message string
}

func goWork(functions ...string) string {
	return fmt.Sprintf("go 1.26.1\n\ntoolchain %s\n\nuse (\n\t./functions/%s\n\t./shared\n)\n", runtime.Version(), strings.Join(functions, "\n\t./functions/"))
}

// crowd writes one workspace with a public function for each attack, in place of beta, but
// for the attacks that bring a go.work. It returns the names of the functions.
func crowd(t *testing.T, attacks map[string]attack) (root string, names map[string]string) {
	t.Helper()
	beta, err := txtar.ParseFile("testdata/workspace.txtar")
	require.NoError(t, err)
	files, names := map[string]string{}, map[string]string{}
	used := []string{"alpha", "beta"}
	for n, name := range slices.Sorted(maps.Keys(attacks)) {
		if _, alone := attacks[name].files["go.work"]; alone {
			continue
		}
		own := fmt.Sprintf("public%d", n)
		names[name], used = own, append(used, own)
		as := func(text string) string {
			return strings.NewReplacer("beta", own, "TheBeta", "The"+own).Replace(text)
		}
		for _, f := range beta.Files {
			if strings.HasPrefix(f.Name, "functions/beta/") {
				files[as(f.Name)] = as(string(f.Data))
			}
		}
		files["functions/"+own+"/go.mod"] = "module example.internal/" + own + "\n\ngo 1.26.1" + usesShared
		for file, content := range attacks[name].files {
			files[as(file)] = as(content)
		}
	}
	files["go.work"] = goWork(used...)
	return boundary(t, files), names
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestWhatIsPrivateIsFoundInAPublicImage(t *testing.T) {
	t.Parallel()
	recipe := "Faces count twice, skies once; never show two pictures of the same moment."
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	embedded := func(data string) map[string]string {
		return map[string]string{"functions/beta/main.go": embeds, "functions/beta/data": data}
	}
	main := func(body string) map[string]string {
		return map[string]string{"functions/beta/main.go": "package main\n\n" + body}
	}
	tests := map[string]attack{
		"a package of a private function": {map[string]string{
			"functions/beta/go.mod":  "module example.internal/beta\n\ngo 1.26.1\n\nrequire example.internal/alpha v0.0.0\n\nreplace example.internal/alpha => ../alpha\n",
			"functions/beta/main.go": calls("example.internal/alpha/recipe", "p.Mix()"),
		}, "beta: imports: beta is public, but imports private code: example.internal/beta -> example.internal/alpha/recipe"},
		"a proprietary package that was moved": {map[string]string{
			"shared/tiles/tiles.go":   strings.Replace(score, "package rank", "package tiles", 1),
			"shared/proprietary/p.md": "Nothing is here any more, but for this note of its owner.\n", "shared/proprietary/rank/rank.go": "package rank\n",
			"functions/alpha/go.mod":  alphaMod,
			"functions/alpha/main.go": calls("example.internal/shared/tiles", "p.Score(nil, 1, 2)"),
			"functions/beta/main.go":  calls("example.internal/shared/tiles", "p.Score(nil, 1, 2)"),
			"go.work":                 goWork("alpha", "beta"), // it is alone
		}, "beta: imports: beta is public, but imports shared/tiles of the private alpha: example.internal/beta -> example.internal/shared/tiles; if all may read it, add to `packages` in ci/public.json: \"shared/tiles\""},
		"a proprietary file with other names and weights": {map[string]string{
			"shared/tiles/tiles.go":  rewritten,
			"functions/beta/main.go": calls("example.internal/shared/tiles", "p.Grade(nil, 1, 2)"),
		}, "beta: content: shared/tiles/tiles.go, lines 5 to 21, is the code of shared/proprietary/rank/rank.go, line 5, whatever its names are"},
		"a proprietary file in a module elsewhere": {map[string]string{
			"third/tiles/go.mod":     "module example.com/tiles\n\ngo 1.26.1\n",
			"third/tiles/tiles.go":   rewritten,
			"functions/beta/go.mod":  "module example.internal/beta\n\ngo 1.26.1\n\nrequire example.com/tiles v1.0.0\n\nreplace example.com/tiles => ../../third/tiles\n",
			"functions/beta/main.go": calls("example.com/tiles", "p.Grade(nil, 1, 2)"),
		}, "beta: content: third/tiles/tiles.go, lines 5 to 21, is the code of shared/proprietary/rank/rank.go"},
		"a text of a private function":            {main("func main() { println(\"" + recipe + "\") }\n"), "beta: content: the binary contains text of functions/alpha/prompt.txt, line 1"},
		"a text of a private function, rewritten": {main("func main() { println(\"" + strings.ToUpper(strings.ReplaceAll(recipe, " ", "  ")) + "\") }\n"), "beta: content: the binary contains text of functions/alpha/prompt.txt, line 1"},
		"a string of its handler":                 {main("func main() { println(\"The trip has no picture that anyone at home would miss!\") }\n"), "beta: content: the binary contains text of functions/alpha/handler.go, line 4"},
		"a text in short pieces":                  {main("const a = \"the trip has \" + \"no picture that \"\n\nfunc main() { println(a + \"anyone at home would miss\") }\n"), "beta: content: the binary contains text of functions/alpha/handler.go, line 4"},
		"a text that is joined when it runs":      {main("import \"strings\"\n\nfunc main() { println(strings.Join([]string{\"the trip\", \"has no\", \"picture that\", \"anyone\", \"at home\", \"would miss\"}, \" \")) }\n"), "beta: content: functions/beta/main.go contains text of functions/alpha/handler.go, line 4 (byte 77): \"the trip\\\", "},
		"a table of numbers":                      {main("var table = []float64{0.137, 2.25, 0.0311, 9.8125, 4.4409, 0.001953}\n\nfunc main() {\n\tfor _, v := range table {\n\t\tprintln(v)\n\t}\n}\n"), "beta: content: functions/beta/main.go contains numbers of shared/proprietary/rank/rank.go, line 10"},
		"a text as base64":                        {embedded(base64.StdEncoding.EncodeToString([]byte(recipe))), "beta: content: the binary contains text of functions/alpha/prompt.txt"},
		"a text as hex":                           {main("func main() { println(\"" + hex.EncodeToString([]byte(recipe)) + "\") }\n"), "beta: content: the binary contains text of functions/alpha/prompt.txt, line 1 (byte 0, as hex at byte "},
		"a text as gzip":                          {embedded(gzipped(t, recipe+recipe)), "beta: content: the binary contains text of functions/alpha/prompt.txt, line 1 (byte 0, as gzip at byte "},
		"a key as base64":                         {embedded("x: " + base64.StdEncoding.EncodeToString([]byte("key AKIA"+"Q3EGRTXJ5ZLW2YMN"))), "beta: secrets: functions/beta/data line 1 (byte 3): aws-access-token"},
		"a key in DER":                            {embedded(string(der)), "beta: secrets: functions/beta/data line 1 (byte 0): private-key-der"},
		"a .netrc":                                {embedded("machine example.com login me password blue\n"), "beta: secrets: functions/beta/data line 1 (byte 0): netrc-password"},
		"a URL with a password":                   {embedded("https://" + "user:password@example.com/\n"), "beta: secrets: functions/beta/data line 1 (byte 0): url-password"},
		"a variable":                              {embedded("DB_PASSWORD=" + "hunter2\n"), "beta: secrets: functions/beta/data line 1 (byte 0): environment-password"},
		"rules that are few":                      {map[string]string{"go.work": goWork("alpha", "beta"), ".gitleaks.toml": "[[rules]]\nid = \"mine\"\nregex = '''zzz'''\nkeywords = ['zzz']\n", "functions/beta/main.go": embeds, "functions/beta/data": "key AKIA" + "Q3EGRTXJ5ZLW2YMN"}, "beta: secrets: functions/beta/data line 1 (byte 4): aws-access-token"},
	}
	crowded, names := crowd(t, tests)
	all := command(t, crowded, "audit", "--offline", "--only", strings.Join(slices.Collect(maps.Values(names)), ","))
	assert.Equal(t, exitFailed, all.code)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, message := all, test.message
			if own, ok := names[name]; ok {
				message = strings.ReplaceAll(message, "beta", own)
			} else {
				got = command(t, boundary(t, test.files), "audit", "--offline", "--only", "beta")
			}
			assert.Equal(t, exitFailed, got.code)
			assert.Contains(t, got.stderr, "ci: audit "+message)
		})
	}
}

func TestALinkIsWhatItLeadsTo(t *testing.T) {
	t.Parallel()
	root := boundary(t, map[string]string{"functions/beta/main.go": calls("example.internal/shared/tiles", "p.Score(nil, 1, 2)")})
	require.NoError(t, os.Symlink("proprietary/rank", filepath.Join(root, "shared/tiles")))
	got := command(t, root, "audit", "--offline")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "audit beta: imports: beta is public, but imports the private file shared/proprietary/rank/rank.go")
}

// What everybody has is nobody's secret, and neither is what a review let pass.
func TestWhatIsNotPrivateIsNotFound(t *testing.T) {
	t.Parallel()
	licence := "Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met"
	main := func(body string) attack {
		return attack{files: map[string]string{"functions/beta/main.go": "package main\n\n" + body}}
	}
	root, names := crowd(t, map[string]attack{
		"a layout of times": main("import \"time\"\n\nfunc main() { println(time.Now().Format(time.RFC1123Z)) }\n"),
		"a licence":         main("const text = \"" + licence + "\"\n\nfunc main() { println(text) }\n"),
		"a digest as a key, a UUID as a token": main(
			"func main() {\n\tkey := \"3a52ce780950d4d969792a2559cd519d7ee8c727\"\n\tclientToken := \"7c2f8a52-93de-4c44-a4f4-6ea7a1c8b3d5\"\n\tprintln(key, clientToken)\n}\n"),
		"a text that may be public":    main("func main() { println(\"the trip has no picture that anyone at home would miss\") }\n"),
		"a package that may be public": main("import \"example.internal/shared/helper\"\n\nfunc main() { helper.Help() }\n"),
		"an allowed credential":        main("func main() { println(\"AKIA" + "Q3EGRTXJ5ZLW2YMN\") }\n"),
	})
	testkit.Write(t, root, map[string]string{
		"shared/proprietary/rank/time.go": "package rank\n\nconst layout = \"Mon, 02 Jan 2006 15:04:05 -0700\"\n",
		"shared/proprietary/rank/rank.go": "// " + licence + ".\n\n" + score,
		"functions/alpha/go.mod":          alphaMod,
		"functions/alpha/main.go":         "package main\n\nimport \"example.internal/shared/helper\"\n\nfunc main() { helper.Help() }\n",
		"ci/public.json": "{\"packages\": [\"shared/helper\"], " +
			"\"texts\": [{\"text\": \"the trip has no picture that anyone at home would miss\", \"reason\": \"the app shows it\"}]}\n",
		".gitleaks.toml": "[[allowlists]]\ndescription = \"an example of AWS\"\nregexes = ['''AKIAQ3EG.*''']\n",
	})
	require.Len(t, names, 6)
	got := command(t, root, "audit", "--offline")
	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\nexception in ci/public.json: a text: the app shows it\nexception in .gitleaks.toml: an example of AWS\n")
}

func TestAPlanSaysWherePublishWouldStop(t *testing.T) {
	t.Parallel()
	root := boundary(t, map[string]string{
		"functions/alpha/go.mod":  alphaMod,
		"functions/alpha/main.go": calls("example.internal/shared/helper", "p.Help()"),
		"functions/beta/main.go":  calls("example.internal/shared/helper", "p.Help()"),
		"shared/helper/helper.go": "package helper\n\nfunc Help() int { return 1 }\n",
	})
	r := registrytest.New(t)
	got := command(t, root, "plan", "--offline", "--allow-dirty", "--commit", "aaaaaaa", "--private-registry", r.Host, "--public-registry", r.Host+"/x")
	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "publish would stop: audit beta: imports: beta is public, but imports shared/helper of the private alpha: ")
}

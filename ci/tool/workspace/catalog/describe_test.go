package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const file = "functions/x/image.json"

// with returns a good image.json with one field replaced by a JSON value.
func with(field, value string) string {
	values := map[string]string{"image": `"api"`, "variant": `"light"`, "registry": `"private"`, "lambda": `"Api"`, "reason": `"r"`}
	values[field] = value
	var pairs []string
	for _, f := range fields {
		if values[f] != "" {
			pairs = append(pairs, fmt.Sprintf("%q: %s", f, values[f]))
		}
		delete(values, f)
	}
	for f, v := range values {
		pairs = append(pairs, fmt.Sprintf("%q: %s", f, v))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

func TestDecode(t *testing.T) {
	const object = "must be a JSON object with the fields image, variant, registry, lambda, reason"
	const named = "is not a valid name; use at most 80 lower-case letters, digits and single dashes"
	const lambda = "is not a Lambda function name; use 1 to 64 letters, digits, - and _"
	const budget = `budget: must be an object such as {"megabytes": 80, "reason": "why this much"}, not `
	const number = "must be a number above 0 and at most 10000, not "
	for name, c := range map[string]struct {
		data string
		want []string // without the file's name
	}{
		"good":                         {with("reason", `"why it is there"`), nil},
		"the longest image name":       {with("image", `"`+strings.Repeat("a", 80)+`"`), nil},
		"the longest Lambda name":      {with("lambda", `"`+strings.Repeat("A", 64)+`"`), nil},
		"image with digits":            {with("image", `"4k-to-2k"`), nil},
		"image like a record":          {with("image", `"release-notes"`), []string{`image: "release-notes" is not a valid name: names starting with "release-" are reserved; choose another name`}},
		"empty file":                   {"", []string{"line 1: not valid JSON: unexpected end of JSON input"}},
		"cut off":                      {"{\n  \"image\": \"api\",\n  \"vari", []string{"line 3: not valid JSON: unexpected end of JSON input"}},
		"cut off after a line":         {"{\n  \"image\": \"api\"\n", []string{"line 2: not valid JSON: unexpected end of JSON input"}},
		"trailing comma":               {"{\n  \"image\": \"api\",\n}", []string{"line 3: not valid JSON: invalid character '}' looking for beginning of object key string"}},
		"string that does not end":     {"{\n  \"image\": \"api\n}", []string{`line 2: not valid JSON: invalid character '\n' in string literal`}},
		"more after the object":        {with("reason", `"r"`) + "\n{}", []string{"line 2: not valid JSON: invalid character '{' after top-level value"}},
		"a list":                       {"[]", []string{object}},
		"a string":                     {`"api"`, []string{object}},
		"null":                         {"null", []string{object}},
		"unknown field":                {with("variants", `"x"`), []string{`variants: is not a field of image.json (did you mean "variant"?); the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`}},
		"field in the wrong case":      {with("Image", `"x"`), []string{`Image: is not a field of image.json (did you mean "image"?); the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`}},
		"unknown field, no hint":       {with("colour", `128`), []string{`colour: is not a field of image.json; the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`}},
		"unknown field of two lines":   {with("a\nb", `1`), []string{`"a\nb": is not a field of image.json; the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`}},
		"field twice":                  {`{"image": "api", "variant": "light", "registry": "private", "lambda": "A", "reason": "r", "registry": "public"}`, []string{"registry: appears twice; keep one"}},
		"missing field":                {with("reason", ""), []string{"reason: is missing"}},
		"empty field":                  {with("reason", `" "`), []string{"reason: is empty"}},
		"reason of two lines":          {with("reason", `"a\nb"`), []string{`reason: "a\nb" must be one line of text`}},
		"number for a string":          {with("lambda", `7`), []string{"lambda: must be a string, not 7"}},
		"null for a string":            {with("lambda", `null`), []string{"lambda: must be a string, not null"}},
		"list of two lines":            {with("image", "[\n\"api\"\n]"), []string{`image: must be a string, not ["api"]`}},
		"bad variant":                  {with("variant", `"haevy"`), []string{`variant: "haevy" is not light or heavy (did you mean "heavy"?)`}},
		"variant, no hint":             {with("variant", `"enormous"`), []string{`variant: "enormous" is not light or heavy`}},
		"variant in the wrong case":    {with("variant", `"Light"`), []string{`variant: "Light" is not light or heavy (did you mean "light"?)`}},
		"bad registry":                 {with("registry", `"publik"`), []string{`registry: "publik" is not private or public (did you mean "public"?)`}},
		"image in capitals":            {with("image", `"Api"`), []string{`image: "Api" ` + named}},
		"image with two dashes":        {with("image", `"a--b"`), []string{`image: "a--b" ` + named}},
		"image that ends in a dash":    {with("image", `"a-"`), []string{`image: "a-" ` + named}},
		"image with a line end":        {with("image", `"api\n"`), []string{`image: "api\n" ` + named}},
		"image that is too long":       {with("image", `"`+strings.Repeat("a", 81)+`"`), []string{`image: "` + strings.Repeat("a", 81) + `" ` + named}},
		"Lambda with a dot":            {with("lambda", `"a.b"`), []string{`lambda: "a.b" ` + lambda}},
		"Lambda that is too long":      {with("lambda", `"`+strings.Repeat("A", 65)+`"`), []string{`lambda: "` + strings.Repeat("A", 65) + `" ` + lambda}},
		"budget":                       {with("budget", `{"megabytes": 80.5, "reason": "r"}`), nil},
		"the largest budget":           {with("budget", `{"megabytes": 10000, "reason": "r"}`), nil},
		"budget that is a number":      {with("budget", `80`), []string{budget + "80"}},
		"budget that is null":          {with("budget", `null`), []string{budget + "null"}},
		"budget that is a list":        {with("budget", "[\n1]"), []string{budget + "[1]"}},
		"empty budget":                 {with("budget", `{}`), []string{"budget.megabytes: is missing", "budget.reason: is missing"}},
		"budget of nothing":            {with("budget", `{"megabytes": 0, "reason": "r"}`), []string{"budget.megabytes: " + number + "0"}},
		"budget beyond Lambda's":       {with("budget", `{"megabytes": 10000.1, "reason": "r"}`), []string{"budget.megabytes: " + number + "10000.1"}},
		"budget beyond any number":     {with("budget", `{"megabytes": 1e999, "reason": "r"}`), []string{"budget.megabytes: " + number + "1e999"}},
		"budget as a string":           {with("budget", `{"megabytes": "80", "reason": "r"}`), []string{`budget.megabytes: ` + number + `"80"`}},
		"budget of null":               {with("budget", `{"megabytes": null, "reason": "r"}`), []string{`budget.megabytes: ` + number + `null`}},
		"budget without a reason":      {with("budget", `{"megabytes": 80, "reason": ""}`), []string{"budget.reason: is empty"}},
		"budget's reason of 2 lines":   {with("budget", `{"megabytes": 80, "reason": "a\nb"}`), []string{`budget.reason: "a\nb" must be one line of text`}},
		"budget with an unknown field": {with("budget", `{"megabyte": 1, "megabytes": 80, "reason": "r"}`), []string{`budget.megabyte: is not a field of budget (did you mean "megabytes"?); the fields are megabytes, initMs, blocks, reason`}},
		"budget of a cold start":       {with("budget", `{"megabytes": 80, "initMs": 12.5, "blocks": 24, "reason": "r"}`), nil},
		"budget of no time":            {with("budget", `{"megabytes": 80, "initMs": 0, "reason": "r"}`), []string{"budget.initMs: must be a number above 0 and at most 10000, not 0"}},
		"budget of a part of a block":  {with("budget", `{"megabytes": 80, "blocks": 1.5, "reason": "r"}`), []string{"budget.blocks: must be a whole number above 0 and at most 20000, not 1.5"}},
		"budget of null blocks":        {with("budget", `{"megabytes": 80, "blocks": null, "reason": "r"}`), []string{"budget.blocks: must be a whole number above 0 and at most 20000, not null"}},
		"budget with a field twice":    {with("budget", `{"megabytes": 80, "reason": "r", "megabytes": 90}`), []string{"budget.megabytes: appears twice; keep one"}},
		"budget twice":                 {`{"image": "api", "variant": "light", "registry": "private", "lambda": "A", "reason": "r", "budget": {"megabytes": 1, "reason": "r"}, "budget": {"megabytes": 2, "reason": "r"}}`, []string{"budget: appears twice; keep one"}},
		"all at once": {`{"imgae": "api", "variant": "x", "registry": "", "lambda": 1}`, []string{
			`imgae: is not a field of image.json (did you mean "image"?); the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`,
			"image: is missing", "registry: is empty", "lambda: must be a string, not 1", "reason: is missing",
			`variant: "x" is not light or heavy`}},
	} {
		t.Run(name, func(t *testing.T) {
			var f Function
			var got, want []string
			for _, err := range decode(file, []byte(c.data), &f) {
				got = append(got, err.Error())
			}
			for _, w := range c.want {
				want = append(want, file+": "+w)
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestDecodeTheBudget(t *testing.T) {
	var f Function

	assert.Empty(t, decode(file, []byte(with("budget", `{"megabytes": 80.5, "reason": "that much"}`)), &f))

	assert.Equal(t, Budget{Megabytes: 80.5, Reason: "that much"}, f.Budget)
	assert.Equal(t, int64(80_500_000), f.Budget.Bytes())
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", with("reason", `"r"`), with("image", `"a\nb"`), with("budget", `{"megabytes": 8e1, "reason": "r"}`), "{\n\"image\": [1,\n2]}", "{\"a\\u2028b\": 0}", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fn Function
		problems := decode(file, data, &fn)
		for _, p := range problems {
			assert.NotContains(t, p.Error(), "\n", "a problem is one line")
			assert.NotContains(t, p.Error(), "\r", "a problem is one line")
			assert.True(t, strings.HasPrefix(p.Error(), file+": "), "a problem names the file: %s", p)
		}
		if len(problems) > 0 {
			return
		}
		assert.Regexp(t, imageName, fn.Image)
		assert.Regexp(t, lambdaName, fn.Lambda)
		assert.Contains(t, []Variant{Light, Heavy}, fn.Variant)
		assert.Contains(t, []Registry{Private, Public}, fn.Registry)
		assert.NotEmpty(t, strings.TrimSpace(fn.Reason))
		assert.Equal(t, fn.Budget.Reason != "", fn.Budget.Bytes() > 0 || fn.Budget.Megabytes > 0)
	})
}

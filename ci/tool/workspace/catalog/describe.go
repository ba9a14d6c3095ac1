package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"

	"lambdas.internal/ci/tool/report"
)

// fields are the required keys of image.json; known are all its keys, in the order of its
// description.
var (
	fields = []string{"image", "variant", "registry", "lambda", "reason"}
	known  = append(append(slices.Clone(fields), budgetField), options...)
)

var notAnObject = "must be a JSON object with the fields " + strings.Join(fields, ", ")

var (
	// imageName leaves room for "-" and a 40-digit commit in the 128 characters
	// of a tag (OCI distribution specification, "Pulling manifests").
	imageName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	// lambdaName is AWS's own rule for FunctionName without a version.
	// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
	lambdaName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
)

// IsLambda tells whether AWS accepts the name for a function.
func IsLambda(name string) bool { return lambdaName.MatchString(name) }

const maxImageName = 80

// recordName is the prefix of the tags of release records, which are in the same
// repositories as the images: retention rules for an image with this name would delete
// them.
const recordName = "release"

// readFunction reads the function in folder and returns all its problems.
func readFunction(root, folder string, work workFile) (Function, []error) {
	f := Function{Folder: folder}
	file := path.Join(folder, DescriptionFile)
	var described []error
	data, err := ReadFile(root, file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		described = []error{Problem{File: file, Fix: "is missing; add one with the fields " + strings.Join(fields, ", ")}}
	case err != nil:
		described = []error{err}
	default:
		described = decode(file, data, &f)
	}
	return f, append(f.place(root, work), described...)
}

// decode fills f from the content of an image.json.
func decode(file string, data []byte, f *Function) []error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return []error{Problem{File: file, Fix: jsonFault(data, err)}}
	}
	if raw == nil { // the value is null
		return []error{Problem{File: file, Fix: notAnObject}}
	}
	var problems []error
	bad := func(field, format string, args ...any) {
		problems = append(problems, Problem{File: file, Field: field, Fix: fmt.Sprintf(format, args...)})
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(known, key) {
			bad(printable(key), "is not a field of image.json%s; the fields are %s", suggest(key, known), strings.Join(known, ", "))
		}
	}
	for _, key := range repeated(data, known) {
		bad(key, "appears twice; keep one")
	}
	values := map[string]string{}
	for _, field := range fields {
		values[field] = decodeText(field, raw[field], bad)
	}
	f.Image, f.Lambda, f.Reason = values["image"], values["lambda"], values["reason"]
	f.Variant, f.Registry = Variant(values["variant"]), Registry(values["registry"])

	if v := f.Image; v != "" && (!imageName.MatchString(v) || len(v) > maxImageName) {
		bad("image", "%q is not a valid name; use at most %d lower-case letters, digits and single dashes", v, maxImageName)
	}
	if v := f.Image; prefixes(recordName, v) {
		bad("image", "%q is not a valid name: names starting with \"release-\" are reserved; choose another name", v)
	}
	if v := f.Lambda; v != "" && !IsLambda(v) {
		bad("lambda", "%q is not a Lambda function name; use 1 to 64 letters, digits, - and _", v)
	}
	checkLine("reason", f.Reason, bad)
	oneOf := func(field, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			bad(field, "%q is not %s%s", value, strings.Join(allowed, " or "), suggest(value, allowed))
		}
	}
	oneOf("variant", values["variant"], string(Light), string(Heavy))
	oneOf("registry", values["registry"], string(Private), string(Public))
	if value, ok := raw[budgetField]; ok {
		f.Budget = decodeBudget(value, bad)
	}
	decodeOptions(raw, &f.Options, bad)
	return problems
}

// decodeText returns a string that must be present and not empty.
func decodeText(field string, value json.RawMessage, bad func(field, format string, args ...any)) string {
	var s string
	switch {
	case value == nil:
		bad(field, "is missing")
	case json.Unmarshal(value, &s) != nil || bytes.Equal(value, []byte("null")):
		bad(field, "must be a string, not %s", oneLine(value))
	case strings.TrimSpace(s) == "":
		bad(field, "is empty")
	default:
		return s
	}
	return ""
}

// checkLine makes sure that text is one line.
func checkLine(field, text string, bad func(field, format string, args ...any)) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		bad(field, "%q must be one line of text", text)
	}
}

// conflicts finds functions whose images or Lambda functions have the same name, and folders that
// a file system that folds case takes for one.
func conflicts(functions []Function) []error {
	var problems []error
	images, lambdas, folders := map[string]string{}, map[string]string{}, map[string]string{}
	for _, f := range functions {
		if other, ok := folders[strings.ToLower(f.Folder)]; ok && other != f.Folder {
			problems = append(problems, Problem{File: f.Folder, Fix: "differs from " + other + " in upper and lower case only, which is one folder on macOS and Windows; rename one of them"})
		}
		folders[strings.ToLower(f.Folder)] = f.Folder
		bad := func(field, name, of, by string) {
			problems = append(problems, Problem{File: path.Join(f.Folder, DescriptionFile), Field: field,
				Fix: fmt.Sprintf("%q is already the %s of %s", name, of, by)})
		}
		if by, ok := images[f.Image]; ok && f.Image != "" {
			bad("image", f.Image, "image", by)
		}
		images[f.Image] = f.Folder
		for n, name := range f.Names() {
			field := "lambda"
			if n > 0 {
				field = fmt.Sprintf("lambdas[%d]", n-1)
			}
			if by, ok := lambdas[name]; ok && name != "" {
				bad(field, name, "function", by)
			}
			lambdas[name] = f.Folder
		}
	}
	return problems
}

// prefixes tells whether the tags of image b also begin with the name of image a.
func prefixes(a, b string) bool {
	rest, ok := strings.CutPrefix(b, a)
	return ok && (rest == "" || rest[0] == '-')
}

// jsonFault adds the line to an error of encoding/json.
func jsonFault(data []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at := max(0, min(int(syntax.Offset), len(data))-1) // the wrong byte
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return fmt.Sprintf("line %d: not valid JSON: %v", line, err)
	}
	return notAnObject
}

// repeated returns the known keys that an object has more than once; encoding/json
// silently uses the last.
func repeated(data []byte, known []string) []string {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil { // the opening brace
		return nil
	}
	seen, twice := map[string]bool{}, map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		name, _ := key.(string)
		twice[name], seen[name] = seen[name], true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil
		}
	}
	maps.DeleteFunc(twice, func(name string, again bool) bool { return !again || !slices.Contains(known, name) })
	return slices.Sorted(maps.Keys(twice))
}

// oneLine returns valid JSON without the white space between its values.
func oneLine(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return strconv.Quote(string(value))
	}
	return b.String()
}

// printable returns the key, quoted if it is not one printable word.
func printable(key string) string {
	if quoted := strconv.Quote(key); quoted != `"`+key+`"` || strings.TrimSpace(key) == "" {
		return quoted
	}
	return key
}

// suggest returns ` (did you mean "x"?)` for the nearest known word, or nothing.
func suggest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// Describe returns the image.json of a function.
func Describe(f Function) ([]byte, error) {
	var b bytes.Buffer
	err := report.JSON(&b, struct {
		Image    string   `json:"image"`
		Variant  Variant  `json:"variant"`
		Registry Registry `json:"registry"`
		Lambda   string   `json:"lambda"`
		Reason   string   `json:"reason"`
		Budget   Budget   `json:"budget,omitzero"`
		Options
	}{f.Image, f.Variant, f.Registry, f.Lambda, f.Reason, f.Budget, f.Options})
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", f.Image, err)
	}
	return b.Bytes(), nil
}

// Admit returns the problems that [Load] would find if the function were added to the
// workspace.
func (c *Catalog) Admit(f Function) ([]Problem, error) {
	data, err := Describe(f)
	if err != nil {
		return nil, err
	}
	var parsed Function
	found := decode(f.Folder+"/"+DescriptionFile, data, &parsed)
	if len(found) == 0 {
		found = conflicts(append(slices.Clone(c.Functions), f))
	}
	var problems []Problem
	for _, err := range found {
		var p Problem
		if !errors.As(err, &p) {
			return nil, err
		}
		problems = append(problems, p)
	}
	return problems, nil
}

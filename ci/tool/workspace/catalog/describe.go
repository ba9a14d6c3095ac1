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
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"lambdas.internal/ci/tool/report"
)

// fields are the required keys of image.json; known are all its keys.
var (
	fields = []string{"image", "variant", "registry", "lambda", "reason"}
	known  = append(slices.Clone(fields), budgetField)
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

const maxImageName = 80

// recordName is the prefix of the tags of release records, which are in the same
// repositories as the images: retention rules for an image with this name would delete
// them.
const recordName = "release"

// readFunction reads the function in folder and returns all its problems.
func readFunction(root, folder string, work workFile) (Function, []error) {
	f := Function{Folder: folder}
	var problems []error
	if err := checkModule(root, folder); err != nil {
		problems = append(problems, err)
	}
	if !work.uses[folder] {
		problems = append(problems, Problem{File: "go.work", Field: "use",
			Fix: fmt.Sprintf("does not list ./%s; run `go work use ./%s`", folder, folder)})
	}
	file := folder + "/" + DescriptionFile
	data, err := ReadFile(root, file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return f, append(problems, Problem{File: file,
			Fix: "is missing; add one with the fields " + strings.Join(fields, ", ")})
	case err != nil:
		return f, append(problems, err)
	}
	return f, append(problems, decode(file, data, &f)...)
}

// checkModule makes sure that folder is a module with the name of the folder: go build
// names the binary after the module.
func checkModule(root, folder string) error {
	p := Problem{File: folder + "/go.mod", Field: "module"}
	data, err := ReadFile(root, p.File)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Problem{File: p.File, Fix: "is missing; every function is a module of its own: run `go mod init` in " + folder}
	case err != nil:
		return err
	}
	name := modfile.ModulePath(data)
	prefix, _, _ := module.SplitPathVersion(name)
	switch want := path.Base(folder); {
	case name == "":
		p.Fix = "is missing; write it in the first line, for example `module lambdas.internal/" + folder + "`"
		return p
	case path.Base(prefix) != want:
		p.Fix = fmt.Sprintf("%q must end in %q, the name of its folder: go build names the binary after it", name, want)
		return p
	}
	return nil
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
	if v := f.Lambda; v != "" && !lambdaName.MatchString(v) {
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

// conflicts finds functions whose images or Lambda functions have conflicting names.
func conflicts(functions []Function) []error {
	var problems []error
	for i, a := range functions {
		for _, b := range functions[i+1:] {
			switch {
			case a.Image == "" || b.Image == "":
			case a.Image == b.Image:
				problems = append(problems, Problem{File: b.Folder + "/" + DescriptionFile, Field: "image",
					Fix: fmt.Sprintf("%q is already the image of %s", b.Image, a.Folder)})
			case prefixes(a.Image, b.Image), prefixes(b.Image, a.Image):
				problems = append(problems, Problem{File: b.Folder + "/" + DescriptionFile, Field: "image",
					Fix: fmt.Sprintf("%q and %q (%s): one name is the beginning of the other, so retention rules for one would also match the other's tags; rename one",
						b.Image, a.Image, a.Folder)})
			}
			if a.Lambda != "" && a.Lambda == b.Lambda {
				problems = append(problems, Problem{File: b.Folder + "/" + DescriptionFile, Field: "lambda",
					Fix: fmt.Sprintf("%q is already the function of %s", b.Lambda, a.Folder)})
			}
		}
	}
	return problems
}

// prefixes tells whether the tags of image b also start with the tag prefix of image a.
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
	}{f.Image, f.Variant, f.Registry, f.Lambda, f.Reason})
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

package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ReadJSON reads a file of the workspace at root into v: one JSON object without fields that
// v does not have, and none twice. Its error joins a [Problem] for each thing that is wrong;
// that the file is missing is fs.ErrNotExist.
func ReadJSON(root, name string, v any) error {
	data, err := ReadFile(root, name)
	if err != nil {
		return err
	}
	var problems []error
	bad := func(field, fix string) { problems = append(problems, Problem{File: name, Field: field, Fix: fix}) }
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return Problem{File: name, Fix: jsonFault(data, err)}
	}
	checkFields(data, reflect.TypeOf(v), "", bad)
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, v); {
	case errors.As(err, &wrong) && wrong.Field == "":
		return Problem{File: name, Fix: "must be a JSON object, not this: " + wrong.Value}
	case errors.As(err, &wrong):
		return Problem{File: name, Field: wrong.Field, Fix: fmt.Sprintf("must be %s, not this: %s", kindOf(wrong.Type), wrong.Value)}
	case err != nil:
		return Problem{File: name, Fix: err.Error()}
	}
	return nil
}

// kindOf names what JSON value a Go type is read from.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// checkFields reports the fields of data that a value of the type does not have, and those
// that are there twice.
func checkFields(data json.RawMessage, t reflect.Type, at string, bad func(field, fix string)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if _, own := reflect.New(t).Interface().(json.Unmarshaler); own {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		checkObject(data, t, at, bad)
	case reflect.Map:
		var all map[string]json.RawMessage
		if json.Unmarshal(data, &all) != nil {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			checkFields(all[key], t.Elem(), joined(at, printable(key)), bad)
		}
	case reflect.Slice:
		var all []json.RawMessage
		if json.Unmarshal(data, &all) != nil {
			return
		}
		for n, value := range all {
			checkFields(value, t.Elem(), fmt.Sprintf("%s[%d]", at, n), bad)
		}
	}
}

func checkObject(data json.RawMessage, t reflect.Type, at string, bad func(field, fix string)) {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return
	}
	types := map[string]reflect.Type{}
	var known []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			types[name] = f.Type
			known = append(known, name)
		}
	}
	of := at
	if of == "" {
		of = "this file"
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if of, ok := types[key]; ok {
			if bytes.Equal(all[key], []byte("null")) {
				bad(joined(at, key), "is null; leave it out, or give it a value")
			}
			checkFields(all[key], of, joined(at, key), bad)
			continue
		}
		bad(joined(at, printable(key)), fmt.Sprintf("is not a field of %s%s; the fields are %s", of, suggest(key, known), strings.Join(known, ", ")))
	}
	for _, key := range repeated(data, known) {
		bad(joined(at, key), "appears twice; keep one")
	}
}

func joined(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

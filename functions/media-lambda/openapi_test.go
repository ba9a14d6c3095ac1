package main

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/openapitest"
	"lambdas.internal/shared/presign"
	"lambdas.internal/shared/proprietary/prompts"
	"lambdas.internal/shared/sessions"
)

var update = flag.Bool("update", false, "write openapi.json")

// TestDocument makes openapi.json from the endpoints and from the types of their requests
// and answers, with the comments of the code.
func TestDocument(t *testing.T) {
	made, err := json.MarshalIndent(makeDocument(t), "", " ")
	require.NoError(t, err)
	made = append(made, '\n')
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", made, 0o644))
		document = made
	}
	assert.Equal(t, string(made), string(document), "openapi.json is not what the code says; run go test -run TestDocument -update")
	openapitest.Parse(t, document)
}

// described says what the code does not: what an operation is for, its answer and which
// errors it has.
type described struct {
	summary, text string
	parameters    []any
	request       any
	status        int
	answer        any
	errors        []int
}

var (
	key = parameter("query", "key", "Key of an object of the session.", true, object{"type": "string", "maxLength": 900})
	// paging returns the parameters of a list.
	paging = func(fallback, most int) []any {
		return []any{
			parameter("query", "limit", "How many entries the page has at most.", false, object{"type": "integer", "minimum": 1, "maximum": most, "default": fallback}),
			parameter("query", "cursor", "The cursor of the page before; without it, the first page.", false, object{"type": "string"}),
		}
	}
)

var descriptions = map[string]described{
	"createSession": {
		summary: "Begin a session", status: 201, answer: createdSession{},
		text: "A session holds the media and jobs of one visit for 24 hours. Keep the token: it is shown once, and every other operation of the session requires it.",
	},
	"readSession": {summary: "Read a session", status: 200, answer: sessions.Session{}},
	"deleteSession": {
		summary: "End a session and delete its media", status: 204,
		text: "Deletes all objects of the session. It may be repeated. What a signed URL uploads afterwards is deleted by the bucket's lifecycle rule.",
	},
	"createUploads": {
		summary: "Get signed URLs to upload files", status: 201, request: uploadRequest{}, answer: uploadAnswer{}, errors: []int{400},
		text: "Send each file to its URL with the method and the headers of the answer, unchanged: S3 refuses every other type and size. A browser sets Content-Length by itself.",
	},
	"listMedia": {
		summary: "List the objects of a folder", status: 200, answer: mediaList{}, errors: []int{400},
		parameters: append([]any{parameter("query", "folder", "Which objects.", false, object{
			"type": "string", "enum": []string{mediakey.Originals, mediakey.Thumbnails, mediakey.Enhanced}, "default": mediakey.Originals,
		})}, paging(mediaPage, mediaPageMost)...),
	},
	"deleteMedia": {
		summary: "Delete an object", status: 204, parameters: []any{key}, errors: []int{400},
		text: "The thumbnail of an original is deleted with it. It may be repeated.",
	},
	"createDownload": {
		summary: "Get a signed URL to download an object", status: 200, answer: presign.Request{}, parameters: []any{key}, errors: []int{400},
		text: "The browser saves the file under the user's name, in any script.",
	},
	"startJob": {
		summary: "Start a job", status: 202, request: jobRequest{}, answer: jobs.Report{}, errors: []int{400, 409},
		text: "Each key is an item that is worked on by itself; a selection has one item for all keys, and needs the thumbnails of a thumbnail job. Read the job until no item is queued or running.",
		parameters: []any{parameter("header", idempotencyHeader,
			"A name of this request, for instance a UUID. A repetition with the same name and body answers with the same job, and starts none.", false,
			object{"type": "string", "pattern": idempotencyPattern})},
	},
	"listJobs": {summary: "List the jobs, the last one first", status: 200, answer: jobList{}, parameters: paging(jobPage, jobPageMost), errors: []int{400}},
	"readJob": {
		summary: "Read a job", status: 200, answer: jobs.Report{}, errors: []int{400},
		text: "Ask once a second at first, and less often the longer it takes. A job succeeds if at least one item does; each failed item says why. An item whose processor does not answer in its time is failed.",
	},
}

type object = map[string]any

func makeDocument(t *testing.T) object {
	schemas := object{}
	reflector := newReflector(t)
	ref := func(v any) object {
		schema := reflector.Reflect(v)
		for name, definition := range schema.Definitions {
			definition.Version = ""
			schemas[name] = plain(t, definition)
		}
		return object{"$ref": "#/components/schemas/" + schemaName(reflect.TypeOf(v))}
	}
	content := func(v any) object { return object{"application/json": object{"schema": ref(v)}} }
	errors := object{}
	for status, text := range failures {
		errors[failureName(status)] = object{"description": text, "content": content(problem{})}
	}

	paths := object{
		"/health": object{"get": object{
			"operationId": "readHealth", "summary": "Say that the API runs",
			"responses": object{"200": object{"description": "It runs.", "content": content(health{})}},
		}},
		"/openapi.json": object{"get": object{
			"operationId": "readDocument", "summary": "Get this document",
			"responses": object{"200": object{"description": "This document.", "content": object{"application/json": object{"schema": object{"type": "object"}}}}},
		}},
	}
	documented := slices.Sorted(maps.Keys(descriptions))
	for _, e := range endpoints {
		d, ok := descriptions[e.id]
		require.True(t, ok, "the endpoint %s has no description", e.id)
		documented = slices.DeleteFunc(documented, func(id string) bool { return id == e.id })
		operation := object{"operationId": e.id, "summary": d.summary}
		if d.text != "" {
			operation["description"] = d.text
		}
		success := object{"description": "Done."}
		if d.answer != nil {
			success = object{"description": answers[d.status], "content": content(d.answer)}
		}
		responses := object{strconv.Itoa(d.status): success}
		statuses := append([]int{401, 500, 503, 504}, d.errors...)
		if e.access != anyone {
			operation["security"] = []object{{"token": []string{}}}
			statuses = append(statuses, 400, 404)
		}
		for _, status := range statuses {
			responses[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + failureName(status)}
		}
		operation["responses"] = responses
		if parameters := append(pathParameters(e.path), d.parameters...); len(parameters) > 0 {
			operation["parameters"] = parameters
		}
		if d.request != nil {
			operation["requestBody"] = object{"required": true, "content": content(d.request)}
		}
		item, ok := paths[e.path].(object)
		if !ok {
			item = object{}
			paths[e.path] = item
		}
		item[strings.ToLower(e.method)] = operation
	}
	looks := schemas["JobRequest"].(object)["properties"].(object)["look"].(object)
	looks["enum"], looks["default"] = prompts.Looks(), prompts.DefaultLook
	require.Empty(t, documented, "descriptions without an endpoint")
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Media API", "version": "1.0.0",
			"description": "Sessions, uploads, jobs on photos and clips, and their results. docs/API.md says in which order to use it.",
		},
		"servers":    []object{{"url": "/"}},
		"paths":      paths,
		"components": object{"schemas": schemas, "responses": errors, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "The token of the session."}}},
	}
}

func failureName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// answers are the meanings of the statuses with a body, failures those of errors.
var (
	answers  = map[int]string{200: "What was asked for.", 201: "It was made.", 202: "It was started."}
	failures = map[int]string{
		400: "The request is wrong; the message says where.",
		401: "The session's token is missing, wrong or has ended.",
		404: "There is no such session, job or object, or it has expired.",
		409: "The Idempotency-Key was used for another request.",
		500: "The API is set up wrongly, or has a fault.",
		503: "A service behind the API failed. Try again after the seconds in Retry-After.",
		504: "It took too long. Try again.",
	}
)

// The bodies that have no type of their own in the code.
type (
	health struct {
		Status string `json:"status" jsonschema:"enum=ok"`
	}
)

// What the processors answer, as far as a user needs it; endtoend checks it.
type (
	thumbnailResult struct {
		ThumbnailKey string `json:"thumbnailKey"`
		OriginalKey  string `json:"originalKey"`
		// Width and Height of the thumbnail in pixels.
		Width  int `json:"width"`
		Height int `json:"height"`
		// DurationMs of a clip; 0 for a photo.
		DurationMs int64 `json:"durationMs"`
	}
	enhancementResult struct {
		EnhancedKey  string `json:"enhancedKey"`
		ThumbnailKey string `json:"thumbnailKey"`
		OriginalKey  string `json:"originalKey"`
		// Width and Height of the photo in pixels.
		Width  int `json:"width"`
		Height int `json:"height"`
		// Remark is what the model said about its edit.
		Remark string `json:"remark,omitempty"`
	}
	videoResult struct {
		VideoKey    string `json:"videoKey"`
		PosterKey   string `json:"posterKey"`
		OriginalKey string `json:"originalKey"`
		// Width and Height of the clip in pixels.
		Width      int   `json:"width"`
		Height     int   `json:"height"`
		DurationMs int64 `json:"durationMs"`
	}
	selectionResult struct {
		JobID string `json:"jobId"`
		// RankedBy is "measures" when the model failed; ModelError says why.
		RankedBy   string `json:"rankedBy" jsonschema:"enum=model,enum=measures"`
		ModelError string `json:"modelError,omitempty"`
		Counts     struct {
			Selected    int `json:"selected"`
			Excluded    int `json:"excluded"`
			SceneGroups int `json:"sceneGroups"`
		} `json:"counts"`
		// Media are all media of the job, selected ones first, best first.
		Media []selected `json:"media"`
	}
	selected struct {
		Key string `json:"key"`
		// Scene is the number of its scene, from 0; -1 for media that could not be read.
		Scene    int  `json:"scene"`
		Selected bool `json:"selected"`
		// Score from 0 to 100.
		Score int `json:"score"`
		// Measures from which the score comes without a model.
		Measures map[string]any `json:"measures"`
		Reason   string         `json:"reason"`
		// DuplicateOf is the key of the better shot of the same view.
		DuplicateOf string `json:"duplicateOf,omitempty"`
	}
)

func newReflector(t *testing.T) *jsonschema.Reflector {
	t.Helper()
	comments := comments(t, ".", "../../shared/jobs", "../../shared/sessions", "../../shared/presign")
	lookup := func(of reflect.Type, field string) string { return comments[path.Base(of.String())+"."+field] }
	r := &jsonschema.Reflector{AllowAdditionalProperties: true, LookupComment: lookup, Namer: schemaName}
	results := (&jsonschema.Reflector{DoNotReference: true, Anonymous: true, AllowAdditionalProperties: true, LookupComment: lookup})
	values := func(text string, all ...string) *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string", Description: text}
		for _, value := range all {
			s.Enum = append(s.Enum, value)
		}
		return s
	}
	r.Mapper = func(of reflect.Type) *jsonschema.Schema {
		switch of {
		case reflect.TypeFor[jobs.RawJSON]():
			s := &jsonschema.Schema{Description: "The result of a thumbnail, enhancement, video or selection."}
			for _, v := range []any{thumbnailResult{}, enhancementResult{}, videoResult{}, selectionResult{}} {
				schema := results.Reflect(v)
				schema.Version, schema.Title = "", strings.TrimSuffix(reflect.TypeOf(v).Name(), "Result")
				s.AnyOf = append(s.AnyOf, schema)
			}
			return s
		case reflect.TypeFor[jobs.Kind]():
			return values("", string(jobs.Thumbnail), string(jobs.Selection), string(jobs.Enhancement), string(jobs.Video))
		case reflect.TypeFor[jobs.Status]():
			return values("", string(jobs.Queued), string(jobs.Running), string(jobs.Succeeded), string(jobs.Failed))
		case reflect.TypeFor[sessions.Status]():
			return values("", string(sessions.Active), string(sessions.Invalidated))
		}
		return nil
	}
	return r
}

// schemaName names the schema of a type as a reader of the document would.
func schemaName(of reflect.Type) string {
	switch of {
	case reflect.TypeFor[jobs.Report]():
		return "Job"
	case reflect.TypeFor[presign.Request]():
		return "SignedRequest"
	case reflect.TypeFor[problem]():
		return "Error"
	}
	if of.Name() == "" {
		return ""
	}
	return strings.ToUpper(of.Name()[:1]) + of.Name()[1:]
}

// comments returns the comments of the fields of all types in the folders, by package, type
// and field.
func comments(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if fields, ok := spec.Type.(*ast.StructType); ok {
					for _, field := range fields.Fields.List {
						for _, id := range field.Names {
							found[file.Name.Name+"."+spec.Name.Name+"."+id.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
						}
					}
				}
				return true
			})
		}
	}
	return found
}

// plain returns a schema as plain JSON values, with what its name adds to it.
func plain(t *testing.T, schema *jsonschema.Schema) object {
	t.Helper()
	data, err := json.Marshal(schema)
	require.NoError(t, err)
	data = []byte(strings.ReplaceAll(string(data), `"#/$defs/`, `"#/components/schemas/`))
	var v object
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

func parameter(in, name, text string, required bool, schema object) object {
	return object{"in": in, "name": name, "description": text, "required": required, "schema": schema}
}

// pathParameters returns the parameters in a path.
func pathParameters(path string) []any {
	var found []any
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			name := strings.Trim(part, "{}")
			found = append(found, parameter("path", name, "The id of the "+name+".", true, object{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}))
		}
	}
	return found
}

func TestTheDocumentHasEveryStatusOfAnError(t *testing.T) {
	for kind, status := range statuses {
		if kind != fault.SafetyBlocked { // of jobs only, not of a request
			assert.Contains(t, failures, status, kind)
		}
	}
	for _, look := range prompts.Looks() {
		assert.Contains(t, string(document), `"`+look+`"`)
	}
}

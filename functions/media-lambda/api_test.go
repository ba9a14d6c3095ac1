package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/openapitest"
)

const originSecret = "origin-secret"

// system is the API on a local port, with real S3 and DynamoDB servers.
type system struct {
	url      string
	s3       *awstest.S3
	lambda   *awstest.Lambda
	document *openapitest.Document
}

func startSystem(t *testing.T) *system {
	t.Helper()
	s := &system{s3: awstest.StartS3(t), lambda: awstest.StartLambda(t, "missing-video"), document: openapitest.Parse(t, document)}
	awstest.StartDynamoDB(t)
	t.Setenv("ORIGIN_VERIFY_SECRET", originSecret)
	t.Setenv("THUMBNAIL_FUNCTION_NAME", "thumb")
	t.Setenv("SELECTION_FUNCTION_NAME", "select")
	t.Setenv("ENHANCE_FUNCTION_NAME", "enhance")
	t.Setenv("VIDEO_FUNCTION_NAME", "missing-video")
	server := httptest.NewServer(NewRouter())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// answered is the status, the header and the decoded body of an answer.
type answered struct {
	status int
	header http.Header
	body   map[string]any
}

// call sends a request. Body may be nil, a string, or a value to encode as JSON.
func (s *system) call(t *testing.T, method, path, token string, body any) answered {
	t.Helper()
	return s.send(t, method, path, http.Header{"X-Origin-Verify": {originSecret}, "Authorization": {"Bearer " + token}}, body)
}

func (s *system) send(t *testing.T, method, path string, header http.Header, body any) answered {
	t.Helper()
	var data []byte
	switch b := body.(type) {
	case nil:
	case string:
		data = []byte(b)
	default:
		var err error
		data, err = json.Marshal(b)
		require.NoError(t, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(data))
	require.NoError(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	got := answered{status: response.StatusCode, header: response.Header}
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &got.body), "%s", text)
	}
	if template, _, ok := s.document.Match(method, request.URL.Path); ok {
		s.document.CheckAnswer(t, method, template, got.status, got.header.Get("Content-Type"), text)
	}
	return got
}

func (a answered) assertError(t *testing.T, status int, errorType, says string) {
	t.Helper()
	assert.Equal(t, status, a.status, a.body)
	assert.Equal(t, errorType, a.body["errorType"])
	assert.Contains(t, a.body["errorMessage"], says)
}

// newSession returns the path of a new session and its token.
func (s *system) newSession(t *testing.T) (path, id, token string) {
	t.Helper()
	made := s.call(t, "POST", "/sessions", "", nil)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	id, token = made.body["sessionId"].(string), made.body["token"].(string)
	return "/sessions/" + id, id, token
}

func TestSessions(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	otherPath, _, otherToken := s.newSession(t)

	read := s.call(t, "GET", path, token, nil)
	assert.Equal(t, http.StatusOK, read.status)
	assert.Equal(t, id, read.body["sessionId"])
	assert.Equal(t, "active", read.body["status"])

	s.call(t, "GET", path, otherToken, nil).assertError(t, 401, "UnauthorizedError", "session token")
	s.call(t, "GET", otherPath, token, nil).assertError(t, 401, "UnauthorizedError", "session token")
	refused := s.call(t, "GET", path, "", nil)
	refused.assertError(t, 401, "UnauthorizedError", "session's token")
	assert.Equal(t, "Bearer", refused.header.Get("WWW-Authenticate"))
	s.call(t, "GET", "/sessions/a.b", token, nil).assertError(t, 400, "InvalidInputError", "sessionId")
	s.call(t, "GET", "/nowhere", token, nil).assertError(t, 404, "NotFoundError", "no route GET /nowhere")
	origin := http.Header{"X-Origin-Verify": {originSecret}}
	for _, scheme := range []string{"bearer", "BEARER", "Bearer "} {
		got := s.send(t, "GET", path, http.Header{"X-Origin-Verify": {originSecret}, "Authorization": {scheme + " " + token}}, nil)
		assert.Equal(t, http.StatusOK, got.status, scheme)
	}
	s.send(t, "GET", path, http.Header{"X-Origin-Verify": {originSecret}, "Authorization": {"Basic " + token}}, nil).assertError(t, 401, "UnauthorizedError", "Bearer")
	s.send(t, "GET", path, origin, nil).assertError(t, 401, "UnauthorizedError", "Authorization")
	for name, header := range map[string]http.Header{"none": {}, "wrong": {"X-Origin-Verify": {"origin-secreT"}}, "longer": {"X-Origin-Verify": {originSecret + "x"}}} {
		t.Run("origin header "+name, func(t *testing.T) {
			s.send(t, "POST", "/sessions", header, nil).assertError(t, 401, "UnauthorizedError", "X-Origin-Verify")
		})
	}

	assert.Equal(t, http.StatusNoContent, s.call(t, "DELETE", path, token, nil).status)
	s.call(t, "GET", path, token, nil).assertError(t, 401, "UnauthorizedError", "has ended")
	assert.Equal(t, http.StatusNoContent, s.call(t, "DELETE", path, token, nil).status, "again, after a lost answer")
	assert.Equal(t, http.StatusOK, s.call(t, "GET", otherPath, otherToken, nil).status, "the other session is still active")
}

func TestUploadAndDownload(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	content := []byte("a photo, as far as S3 is concerned")
	made := s.call(t, "POST", path+"/uploads", token, map[string]any{"files": []map[string]any{
		{"name": "Größe 1/../x.JPG", "contentType": "image/jpeg", "size": len(content)},
		{"name": "clip.mov", "contentType": "video/quicktime", "size": 400 << 20},
	}})
	require.Equal(t, http.StatusCreated, made.status, made.body)
	uploads := made.body["uploads"].([]any)
	require.Len(t, uploads, 2)
	first := uploads[0].(map[string]any)
	key := first["key"].(string)
	assert.Regexp(t, "^"+id+"/originals/[a-z2-7]{8}-x.jpg$", key)
	assert.Regexp(t, "^"+id+"/originals/[a-z2-7]{8}-clip.mov$", uploads[1].(map[string]any)["key"])

	s.call(t, "GET", path+"/downloads?key="+key, token, nil).assertError(t, 404, "NotFoundError", "no such object")
	url := first["url"].(string)
	assert.Equal(t, http.StatusForbidden, put(t, url, "text/html", content), "another type")
	assert.Equal(t, http.StatusForbidden, put(t, url, "image/jpeg", append(content, '!')), "another size")
	assert.Equal(t, http.StatusForbidden, put(t, strings.Replace(url, "-x.jpg", "-y.jpg", 1), "image/jpeg", content), "another key")
	assert.Empty(t, s.s3.Keys(t))
	require.Equal(t, http.StatusOK, put(t, url, "image/jpeg", content))

	signed := s.call(t, "GET", path+"/downloads?key="+key, token, nil)
	require.Equal(t, http.StatusOK, signed.status, signed.body)
	response, err := http.Get(signed.body["url"].(string))
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, content, got)
	assert.Equal(t, "image/jpeg", response.Header.Get("Content-Type"))
	assert.Contains(t, response.Header.Get("Content-Disposition"), "attachment")

	t.Setenv(refusedTypes, "image/heic,video/webm")
	for name, test := range map[string]struct{ body, says string }{
		"type that ffmpeg cannot read": {`{"files":[{"name":"a","contentType":"image/heic","size":1}]}`,
			"image/heic cannot be read by the ffmpeg of this installation; convert the file to JPEG or MP4"},
		"type not accepted": {`{"files":[{"name":"a","contentType":"text/html","size":1}]}`, "contentType"},
		"empty file":        {`{"files":[{"name":"a","contentType":"image/png","size":0}]}`, "size"},
		"photo too large":   {`{"files":[{"name":"a","contentType":"image/png","size":52428801}]}`, "size"},
		"no files":          {`{"files":[]}`, "files"},
		"unknown field":     {`{"flies":[]}`, "flies"},
		"not JSON":          {`files`, "body"},
		"too large":         {`{"files":[{"name":"` + strings.Repeat("a", 300<<10) + `"}]}`, "262144"},
	} {
		t.Run(name, func(t *testing.T) {
			s.call(t, "POST", path+"/uploads", token, test.body).assertError(t, 400, "InvalidInputError", test.says)
		})
	}
	t.Run("a refusal lists what is accepted", func(t *testing.T) {
		s.call(t, "POST", path+"/uploads", token, `{"files":[{"name":"a.tiff","contentType":"image/tiff","size":1}]}`).assertError(t, 400, "InvalidInputError",
			`files[0].contentType: "image/tiff" is not accepted; want one of image/avif, image/gif, image/heic, image/heif, image/jpeg, image/png, image/webp, video/3gpp,`)
	})
	for name, bad := range map[string]string{"another session's": "other/originals/a.jpg", "with ..": id + "/../other/a.jpg", "none": ""} {
		t.Run("download of a key "+name, func(t *testing.T) {
			assert.Equal(t, 400, s.call(t, "GET", path+"/downloads?key="+bad, token, nil).status)
		})
	}
}

func TestNamesInAnyScript(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	for name, want := range map[string]string{
		"日本語 写真.jpg":                  "日本語 写真.jpg",
		"Größe (1).JPEG":              "Größe (1).jpg",
		"می\u200cخواهم.jpg":           "می\u200cخواهم.jpg",
		"🏖️ Strand 👨‍👩‍👧.jpg":         "🏖️ Strand 👨‍👩‍👧.jpg",
		"it's 5, o'clock!.jpg":        "it's 5, o'clock!.jpg",
		"Rome 2026.05 evening":        "Rome 2026.05 evening.jpg",
		"../../etc/passwd.jpg":        "passwd.jpg",
		`C:\Users\ich\Foto.jpg`:       "Foto.jpg",
		"a\u202egpj.exe\x07 100%.jpg": "a-gpj.exe- 100.jpg",
		strings.Repeat("写", 90):       strings.Repeat("写", 50) + ".jpg",
	} {
		t.Run(name, func(t *testing.T) {
			made := s.call(t, "POST", path+"/uploads", token, map[string]any{"files": []map[string]any{{"name": name, "contentType": "image/jpeg", "size": 5}}})
			require.Equal(t, http.StatusCreated, made.status, made.body)
			upload := made.body["uploads"].([]any)[0].(map[string]any)
			key := upload["key"].(string)
			assert.Equal(t, want, strings.TrimPrefix(key, id+"/originals/")[9:])
			require.Equal(t, http.StatusOK, put(t, upload["url"].(string), "image/jpeg", []byte("photo")))
			signed := s.call(t, "GET", path+"/downloads?key="+url.QueryEscape(key), token, nil)
			require.Equal(t, http.StatusOK, signed.status, signed.body)
			response, err := http.Get(signed.body["url"].(string))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusOK, response.StatusCode)
			_, values, err := mime.ParseMediaType(strings.Replace(response.Header.Get("Content-Disposition"), `filename="`, `plain="`, 1))
			require.NoError(t, err)
			assert.Equal(t, want, cmp.Or(values["filename"], values["plain"]))
		})
	}
}

func TestContentTypesByTheirMeaning(t *testing.T) {
	for _, test := range []struct{ sent, name, want, extension string }{
		{"image/jpeg", "a", "image/jpeg", ".jpg"},
		{"image/jpg", "a", "image/jpeg", ".jpg"},
		{"IMAGE/JPEG", "a", "image/jpeg", ".jpg"},
		{"image/png; charset=binary", "a", "image/png", ".png"},
		{"image/png; broken", "a", "image/png", ".png"},
		{"image/heif", "a", "image/heif", ".heif"},
		{"image/heic-sequence", "a", "image/heic", ".heic"},
		{"image/avif", "a", "image/avif", ".avif"},
		{"image/gif", "a", "image/gif", ".gif"},
		{"video/3gpp", "a", "video/3gpp", ".3gp"},
		{"video/x-m4v", "a", "video/x-m4v", ".m4v"},
		{"", "IMG_1.HEIC", "image/heic", ".heic"},
		{"application/octet-stream", "IMG_1.MOV", "video/quicktime", ".mov"},
		{"application/octet-stream", "IMG_1.exe", "", ""},
		{"", "IMG_1", "", ""},
		{"text/html", "a.jpg", "", ""},
	} {
		t.Run(test.sent+" "+test.name, func(t *testing.T) {
			got, kind, err := mediaTypeOf(test.sent, test.name)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.extension, kind.extension)
			if test.want == "" {
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			}
		})
	}
}

func put(t *testing.T, url, contentType string, data []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(data))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

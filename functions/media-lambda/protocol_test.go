package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPagesOfOtherOriginsMayCallTheAPI(t *testing.T) {
	const app = "https://app.example.com"
	ask := func(t *testing.T, s *system, method, origin string) answered {
		t.Helper()
		header := http.Header{"X-Origin-Verify": {originSecret}, "Origin": {origin}}
		if method == "OPTIONS" {
			header.Set("Access-Control-Request-Method", "POST")
			header.Set("Access-Control-Request-Headers", "authorization,content-type,idempotency-key")
		}
		return s.send(t, method, "/sessions", header, nil)
	}
	for name, test := range map[string]struct{ configured, origin, allowed string }{
		"one of two":    {"https://other.example.com, " + app, app, app},
		"a pattern":     {"https://*.example.com", app, app},
		"all":           {"*", app, "*"},
		"another":       {"https://other.example.com", app, ""},
		"none":          {"", app, ""},
		"a longer name": {app, app + ".evil.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(corsVariable, test.configured)
			s := startSystem(t)
			preflight := ask(t, s, "OPTIONS", test.origin)
			assert.Equal(t, http.StatusNoContent, preflight.status)
			assert.Equal(t, test.allowed, preflight.header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, test.allowed != "", preflight.header.Get("Access-Control-Allow-Headers") != "")
			made := ask(t, s, "POST", test.origin)
			assert.Equal(t, http.StatusCreated, made.status, "the server answers; the browser decides who may read it")
			assert.Equal(t, test.allowed, made.header.Get("Access-Control-Allow-Origin"))
			if test.allowed != "" {
				assert.Contains(t, made.header.Get("Access-Control-Expose-Headers"), "Retry-After")
			}
		})
	}
}

func TestMethodsOfAPath(t *testing.T) {
	s := startSystem(t)
	path, _, token := s.newSession(t)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/sessions", 405, "POST, OPTIONS"},
		{"PATCH", path, 405, "GET, HEAD, DELETE, OPTIONS"},
		{"POST", path + "/media", 405, "GET, HEAD, DELETE, OPTIONS"},
		{"OPTIONS", path + "/jobs", 204, "GET, HEAD, POST, OPTIONS"},
		{"OPTIONS", "/nowhere", 404, ""},
		{"HEAD", path, 200, ""},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			got := s.call(t, test.method, test.path, token, nil)
			assert.Equal(t, test.status, got.status)
			assert.Equal(t, test.allow, got.header.Get("Allow"))
			if test.status == 405 {
				got.assertError(t, 405, "MethodNotAllowedError", test.allow)
			}
		})
	}
}

func TestCompressedBodies(t *testing.T) {
	s := startSystem(t)
	path, _, token := s.newSession(t)
	pack := func(text string) string {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return packed.String()
	}
	const files = `{"files":[{"name":"a.jpg","contentType":"image/jpeg","size":5}]}`
	for name, test := range map[string]struct {
		encoding, body string
		status         int
		says           string
	}{
		"gzip":               {"gzip", pack(files), 201, ""},
		"upper case":         {"GZIP", pack(files), 201, ""},
		"none":               {"identity", files, 201, ""},
		"not gzip":           {"gzip", files, 400, "not gzip"},
		"cut off":            {"gzip", pack(files)[:40], 400, "body"},
		"unknown":            {"br", files, 400, "Content-Encoding"},
		"too large unpacked": {"gzip", pack(strings.Repeat(" ", 1<<20) + files), 400, "262144"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.send(t, "POST", path+"/uploads", http.Header{
				"X-Origin-Verify": {originSecret}, "Authorization": {"Bearer " + token}, "Content-Encoding": {test.encoding},
			}, test.body)
			assert.Equal(t, test.status, got.status, got.body)
			if test.says != "" {
				assert.Contains(t, got.body["errorMessage"], test.says)
			}
		})
	}
}

func TestWhatIsWrongWithABody(t *testing.T) {
	s := startSystem(t)
	path, _, token := s.newSession(t)
	for body, want := range map[string]string{
		``:                          "body: the JSON ends too early",
		`{"files":[`:                "body: the JSON ends too early",
		`{"files":}`:                "body: it is not valid JSON at byte 10",
		`{"files":"a.jpg"}`:         "body: files: the type string is not what this field holds",
		`{"files":[{"size":"5"}]}`:  "body: files.size: the type string is not what this field holds",
		`[]`:                        "body: the whole: the type array is not what this field holds",
		`{"flies":[]}`:              `body: unknown field "flies"`,
		`{"files":[]} {"files":[]}`: "body: it has more than one JSON value",
		`{"files":[{"size":1.5}]}`:  "body: files.size: the type number 1.5 is not what this field holds",
	} {
		t.Run(body, func(t *testing.T) {
			got := s.call(t, "POST", path+"/uploads", token, body)
			assert.Equal(t, 400, got.status)
			assert.Equal(t, want, got.body["errorMessage"])
		})
	}
}

func TestListsAndDeletion(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	for _, name := range []string{"a", "b", "c"} {
		s.s3.Put(t, id+"/originals/abcdefgh-写真 "+name+".jpg", []byte("12345"))
		s.s3.Put(t, id+"/thumbnails/abcdefgh-写真 "+name+".jpg", []byte("1"))
	}
	s.s3.Put(t, id+"/enhanced/abcdefgh-写真 a.mp4", []byte("1"))
	s.s3.Put(t, "other/originals/a.jpg", []byte("1"))

	var names []string
	query := "?limit=2"
	for pages := 0; ; pages++ {
		got := s.call(t, "GET", path+"/media"+query, token, nil)
		require.Equal(t, 200, got.status, got.body)
		for _, m := range got.body["media"].([]any) {
			entry := m.(map[string]any)
			names = append(names, entry["name"].(string))
			assert.Equal(t, "image/jpeg", entry["contentType"])
			assert.InDelta(t, 5, entry["size"], 0)
			assert.Equal(t, strings.Replace(entry["key"].(string), "originals", "thumbnails", 1), entry["thumbnailKey"])
		}
		cursor, ok := got.body["cursor"].(string)
		if !ok {
			assert.Equal(t, 1, pages)
			break
		}
		query = "?limit=2&cursor=" + url.QueryEscape(cursor)
	}
	assert.Equal(t, []string{"写真 a.jpg", "写真 b.jpg", "写真 c.jpg"}, names)
	enhanced := s.call(t, "GET", path+"/media?folder=enhanced", token, nil).body["media"].([]any)
	require.Len(t, enhanced, 1)
	assert.Equal(t, "video/mp4", enhanced[0].(map[string]any)["contentType"])
	for query, says := range map[string]string{"?folder=..": "folder", "?limit=0": "limit", "?limit=x": "limit", "?cursor=other/originals/a.jpg": "cursor", "?limit=1001": "1000"} {
		s.call(t, "GET", path+"/media"+query, token, nil).assertError(t, 400, "InvalidInputError", says)
	}

	for range 2 {
		got := s.call(t, "DELETE", path+"/media?key="+url.QueryEscape(id+"/originals/abcdefgh-写真 a.jpg"), token, nil)
		assert.Equal(t, 204, got.status, got.body)
	}
	s.call(t, "DELETE", path+"/media?key=other/originals/a.jpg", token, nil).assertError(t, 400, "InvalidInputError", "outside")
	assert.Len(t, s.s3.Keys(t), 6, "an original and its thumbnail are deleted")
	assert.Equal(t, 204, s.call(t, "DELETE", path, token, nil).status)
	assert.Equal(t, []string{"other/originals/a.jpg"}, s.s3.Keys(t))

	path, id, token = s.newSession(t)
	var started []string
	for range 3 {
		made := s.call(t, "POST", path+"/jobs", token, map[string]any{"kind": "thumbnail", "keys": []string{id + "/originals/a.jpg"}})
		started = append([]string{made.body["jobId"].(string)}, started...)
	}
	first := s.call(t, "GET", path+"/jobs?limit=2", token, nil)
	second := s.call(t, "GET", path+"/jobs?cursor="+first.body["cursor"].(string), token, nil)
	var listed []string
	for _, j := range append(first.body["jobs"].([]any), second.body["jobs"].([]any)...) {
		listed = append(listed, j.(map[string]any)["jobId"].(string))
		assert.Equal(t, "queued", j.(map[string]any)["status"])
	}
	assert.ElementsMatch(t, started, listed)
	s.call(t, "GET", path+"/jobs?cursor=a/b", token, nil).assertError(t, 400, "InvalidInputError", "cursor")
}

func TestARepeatedRequestStartsNoSecondJob(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	start := func(key string, body map[string]any) answered {
		return s.send(t, "POST", path+"/jobs", http.Header{
			"X-Origin-Verify": {originSecret}, "Authorization": {"Bearer " + token}, idempotencyHeader: {key},
		}, body)
	}
	body := map[string]any{"kind": "enhancement", "keys": []string{id + "/originals/a.jpg"}, "wish": "warmer"}
	answers := make(chan answered)
	for range 5 {
		go func() { answers <- start("key-1", body) }()
	}
	made := map[string]bool{}
	for range 5 {
		got := <-answers
		assert.Equal(t, 202, got.status, got.body)
		data, err := json.Marshal(got.body["jobId"])
		require.NoError(t, err)
		made[string(data)] = true
	}
	assert.Len(t, made, 1)
	assert.Len(t, s.lambda.Take(t), 1, "Gemini is paid once")
	start("key-1", map[string]any{"kind": "enhancement", "keys": []string{id + "/originals/b.jpg"}}).assertError(t, 409, "ConflictError", "another request")
	assert.Equal(t, 202, start("key-2", body).status)
	assert.Len(t, s.lambda.Take(t), 1)
	start("key 3", body).assertError(t, 400, "InvalidInputError", idempotencyHeader)
	bad := map[string]any{"kind": "enhancement", "keys": []string{id + "/originals/a.jpg"}, "look": "ugly"}
	start("key-4", bad).assertError(t, 400, "InvalidInputError", "look")
	assert.Equal(t, 202, start("key-4", body).status, "a refused request uses up no key")
}

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJobsStartTheirProcessor(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	a, b := id+"/originals/a.jpg", id+"/originals/b.mp4"
	for name, test := range map[string]struct {
		body     map[string]any
		function string
		events   []string
	}{
		"thumbnails": {map[string]any{"kind": "thumbnail", "keys": []string{a, b}}, "thumb", []string{
			`{"sessionId":"ID","jobId":"JOB","key":"ID/originals/a.jpg","itemIndex":0}`,
			`{"sessionId":"ID","jobId":"JOB","key":"ID/originals/b.mp4","itemIndex":1}`,
		}},
		"selection": {map[string]any{"kind": "selection", "keys": []string{a, b}, "tripContext": "Rome", "model": "m"}, "select", []string{
			`{"sessionId":"ID","jobId":"JOB","tripContext":"Rome","model":"m","mediaKeys":["ID/originals/a.jpg","ID/originals/b.mp4"],"thumbnailKeys":["ID/thumbnails/a.jpg","ID/thumbnails/b.jpg"]}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			made := s.call(t, "POST", path+"/jobs", token, test.body)
			require.Equal(t, http.StatusAccepted, made.status, made.body)
			assert.Equal(t, "queued", made.body["status"])
			job := made.body["jobId"].(string)
			var got []string
			for _, i := range s.lambda.Take(t) {
				assert.Equal(t, test.function, i.Function)
				got = append(got, string(i.Payload))
			}
			var want []string
			for _, event := range test.events {
				want = append(want, strings.NewReplacer("ID", id, "JOB", job).Replace(event))
			}
			require.Len(t, got, len(want))
			for i := range want {
				assert.True(t, contains(t, got, want[i]), "%s is not among %s", want[i], got)
			}
			read := s.call(t, "GET", path+"/jobs/"+job, token, nil)
			assert.Equal(t, made.body, read.body)
		})
	}
	t.Run("enhancement carries the filled prompt", func(t *testing.T) {
		made := s.call(t, "POST", path+"/jobs", token, map[string]any{"kind": "enhancement", "keys": []string{a}, "look": "vivid", "wish": "bluer sky"})
		require.Equal(t, http.StatusAccepted, made.status, made.body)
		taken := s.lambda.Take(t)
		require.Len(t, taken, 1)
		assert.Equal(t, "enhance", taken[0].Function)
		assert.Contains(t, string(taken[0].Payload), "bluer sky")
		assert.Contains(t, string(taken[0].Payload), "Make colours rich")
	})
	t.Run("a processor that cannot be started", func(t *testing.T) {
		made := s.call(t, "POST", path+"/jobs", token, map[string]any{"kind": "video", "keys": []string{b}, "preset": "reel"})
		require.Equal(t, http.StatusAccepted, made.status, made.body)
		assert.Equal(t, "failed", made.body["status"])
		item := made.body["items"].([]any)[0].(map[string]any)
		assert.Equal(t, "ConfigurationError", item["errorType"])
	})
	s.call(t, "GET", path+"/jobs/unknown", token, nil).assertError(t, 404, "NotFoundError", "no such job")
	for name, test := range map[string]struct {
		body map[string]any
		says string
	}{
		"unknown kind":          {map[string]any{"kind": "print", "keys": []string{a}}, "kind"},
		"no keys":               {map[string]any{"kind": "thumbnail"}, "keys"},
		"another session's key": {map[string]any{"kind": "thumbnail", "keys": []string{"other/a.jpg"}}, "outside session"},
		"a key twice":           {map[string]any{"kind": "thumbnail", "keys": []string{a, a}}, "twice"},
		"unknown look":          {map[string]any{"kind": "enhancement", "keys": []string{a}, "look": "ugly"}, "look"},
		"long wish":             {map[string]any{"kind": "enhancement", "keys": []string{a}, "wish": strings.Repeat("x", 501)}, "wish"},
		"unknown preset":        {map[string]any{"kind": "video", "keys": []string{b}, "preset": "cinema"}, "preset"},
		"too many keys":         {map[string]any{"kind": "video", "keys": make([]string, 101)}, "keys"},
	} {
		t.Run(name, func(t *testing.T) {
			s.call(t, "POST", path+"/jobs", token, test.body).assertError(t, 400, "InvalidInputError", test.says)
			assert.Empty(t, s.lambda.Take(t), "nothing was started")
		})
	}
}

func contains(t *testing.T, got []string, want string) bool {
	t.Helper()
	for _, g := range got {
		if assert.ObjectsAreEqual(decoded(t, want), decoded(t, g)) {
			return true
		}
	}
	return false
}

// Package endtoend tests the whole system through its API, as a user sees it. The five
// functions run from their built images; `bin/ci up` starts them.
package endtoend

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
)

// system is the running system, and one session in it.
type system struct {
	url, token, session string
}

// start builds the images, starts the system and opens a session.
func start(t *testing.T) *system {
	t.Helper()
	_ = os.Getenv("CI_SOURCES") // another value, another system: Go keeps no result for it
	root := awstest.Root(t)
	cmd := exec.Command(awstest.Find(t, "CI_BINARY", "bin/ci"), "up", "--root", root, "--json", "--listen", "127.0.0.1:0",
		"--cache", filepath.Join(root, ".cache", "ci"), "--out", t.TempDir(),
		"--base", "static", "--ffmpeg", "static", "--env", "GOOGLE_GEMINI_BASE_URL")
	logs, err := os.Create(filepath.Join(t.TempDir(), "logs")) // a file, because the process writes while the test reads
	require.NoError(t, err)
	cmd.Stderr = logs
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "bin/ci up exits with status 0 after an interrupt")
		if t.Failed() {
			t.Log(string(read(t, logs.Name())))
		}
	})
	var told struct{ URL string }
	if err := json.NewDecoder(out).Decode(&told); err != nil {
		require.FailNow(t, "the system does not start", "%v\n%s", err, read(t, logs.Name()))
	}
	s := &system{url: told.URL}
	made := s.call(t, "POST", "/sessions", nil)
	s.session, s.token = made["sessionId"].(string), made["token"].(string)
	return s
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}

// call sends a request and returns the decoded answer. The status must be below 300.
func (s *system) call(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(data))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	text := do(t, request)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(text, &answer), "%s", text)
	return answer
}

// do sends a request and returns the body of the answer. The status must be below 300.
func do(t *testing.T, request *http.Request) []byte {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Less(t, response.StatusCode, 300, "%s %s: %s", request.Method, request.URL.Path, body)
	return body
}

// refused sends a request of the session and checks that it is refused, and why.
func (s *system) refused(t *testing.T, path, body, says string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/sessions/"+s.session+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, response.StatusCode)
	assert.Contains(t, string(answer), says)
}

// upload sends files through presigned URLs and returns their keys.
func (s *system) upload(t *testing.T, files []file) []string {
	t.Helper()
	var wanted []map[string]any
	for _, f := range files {
		wanted = append(wanted, map[string]any{"name": f.name, "contentType": f.contentType, "size": len(f.data)})
	}
	made := s.call(t, "POST", "/sessions/"+s.session+"/uploads", map[string]any{"files": wanted})
	var keys []string
	for i, u := range made["uploads"].([]any) {
		upload := u.(map[string]any)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, upload["url"].(string), bytes.NewReader(files[i].data))
		require.NoError(t, err)
		request.Header.Set("Content-Type", files[i].contentType)
		do(t, request)
		keys = append(keys, upload["key"].(string))
	}
	return keys
}

type file struct {
	name, contentType string
	data              []byte
}

// run starts a job, waits until all its items have succeeded, and returns their results.
func (s *system) run(t *testing.T, job map[string]any) []map[string]any {
	t.Helper()
	path := "/sessions/" + s.session + "/jobs"
	id := s.call(t, "POST", path, job)["jobId"].(string)
	var report map[string]any
	require.Eventually(t, func() bool {
		report = s.call(t, "GET", path+"/"+id, nil)
		return report["status"] == "succeeded" || report["status"] == "failed"
	}, 2*time.Minute, 100*time.Millisecond, "%v", report)
	var results []map[string]any
	for _, i := range report["items"].([]any) {
		item := i.(map[string]any)
		require.Equal(t, "succeeded", item["status"], "%v", item)
		results = append(results, item["result"].(map[string]any))
	}
	return results
}

// download gets an object through a presigned URL and returns its data, also as a local
// file.
func (s *system) download(t *testing.T, key string) (data []byte, path string) {
	t.Helper()
	require.True(t, strings.HasPrefix(key, s.session+"/"), key)
	url := s.call(t, "GET", "/sessions/"+s.session+"/downloads?key="+key, nil)["url"].(string)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	data = do(t, request)
	path = filepath.Join(t.TempDir(), filepath.Base(key))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return data, path
}

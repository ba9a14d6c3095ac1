// Package endtoend tests the whole system through its API, as a user sees it. The five
// functions run from their built images; `bin/ci up` starts them.
package endtoend

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
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
	"lambdas.internal/shared/openapitest"
)

// system is the running system, and one session in it.
type system struct {
	url, session string
	client       *openapitest.Client
	pid          int
}

// start builds the images, starts the system and opens a session. The arguments are added to
// those of bin/ci.
func start(t *testing.T, args ...string) *system {
	t.Helper()
	_ = os.Getenv("CI_SOURCES") // another value, another system: Go keeps no result for it
	root := awstest.Root(t)
	cmd := exec.Command(awstest.Find(t, "CI_BINARY", "bin/ci"), append([]string{"up", "--root", root, "--json", "--listen", "127.0.0.1:0",
		"--cache", filepath.Join(root, ".cache", "ci"), "--out", t.TempDir(),
		"--base", "static", "--ffmpeg", "static", "--env", "GOOGLE_GEMINI_BASE_URL"}, args...)...)
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
	s := &system{url: told.URL, pid: cmd.Process.Pid}
	s.client = openapitest.NewClient(t, s.url)
	made := s.call(t, "createSession", nil, nil)
	s.session, s.client.Token = made["sessionId"].(string), made["token"].(string)
	return s
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}

// call carries out an operation of the session, by its name in openapi.json, and returns
// the answer. It must succeed.
func (s *system) call(t *testing.T, operation string, parameters map[string]string, body any) map[string]any {
	t.Helper()
	all := map[string]string{"session": s.session}
	maps.Copy(all, parameters)
	status, answer := s.client.Call(t, operation, all, body)
	require.Less(t, status, 300, "%s: %v", operation, answer)
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

// refused carries out an operation of the session and checks that it is refused, and why.
func (s *system) refused(t *testing.T, operation string, body any, says string) {
	t.Helper()
	status, answer := s.client.Call(t, operation, map[string]string{"session": s.session}, body)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, answer["errorMessage"], says)
}

// upload sends files through presigned URLs and returns their keys.
func (s *system) upload(t *testing.T, files []file) []string {
	t.Helper()
	var wanted []map[string]any
	for _, f := range files {
		wanted = append(wanted, map[string]any{"name": f.name, "contentType": f.contentType, "size": len(f.data)})
	}
	made := s.call(t, "createUploads", nil, map[string]any{"files": wanted})
	var keys []string
	for i, u := range made["uploads"].([]any) {
		upload := u.(map[string]any)
		request, err := http.NewRequestWithContext(t.Context(), upload["method"].(string), upload["url"].(string), bytes.NewReader(files[i].data))
		require.NoError(t, err)
		for name, value := range upload["headers"].(map[string]any) {
			request.Header.Set(name, value.(string))
		}
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
	var results []map[string]any
	for _, item := range s.finish(t, job, 2*time.Minute) {
		require.Equal(t, "succeeded", item["status"], "%v", item)
		results = append(results, item["result"].(map[string]any))
	}
	return results
}

// finish starts a job, waits until it has ended, and returns its items.
func (s *system) finish(t *testing.T, job map[string]any, within time.Duration) []map[string]any {
	t.Helper()
	return s.wait(t, s.call(t, "startJob", nil, job)["jobId"].(string), within)
}

// wait waits until a job has ended and returns its items.
func (s *system) wait(t *testing.T, id string, within time.Duration) []map[string]any {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, item := range s.items(t, id) {
			if item["status"] != "succeeded" && item["status"] != "failed" {
				return false
			}
		}
		return true
	}, within, 100*time.Millisecond, "job %s", id)
	return s.items(t, id)
}

func (s *system) items(t *testing.T, id string) []map[string]any {
	t.Helper()
	var items []map[string]any
	for _, item := range s.call(t, "readJob", map[string]string{"job": id}, nil)["items"].([]any) {
		items = append(items, item.(map[string]any))
	}
	return items
}

// download gets an object through a presigned URL and returns its data, also as a local
// file.
func (s *system) download(t *testing.T, key string) (data []byte, path string) {
	t.Helper()
	require.True(t, strings.HasPrefix(key, s.session+"/"), key)
	url := s.call(t, "createDownload", map[string]string{"key": key}, nil)["url"].(string)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	data = do(t, request)
	path = filepath.Join(t.TempDir(), filepath.Base(key))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return data, path
}

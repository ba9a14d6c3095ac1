package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The whole system runs as a service: a client on this machine uploads a photo to its S3 and
// gets a thumbnail. It needs the ports 8080 and 9000.
func TestUpRunsTheWholeSystem(t *testing.T) {
	const api = "http://127.0.0.1:8080"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	up := exec.CommandContext(ctx, "dagger", append(append([]string{"--silent", "call"}, references()...), "up", "up")...)
	up.Dir = root
	require.NoError(t, up.Start())
	t.Cleanup(func() {
		_ = up.Process.Signal(syscall.SIGINT) // it may have ended
		_ = up.Wait()
	})
	require.Eventually(t, func() bool {
		answer, err := http.Get(api + "/health")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, 9*time.Minute, time.Second)

	var session struct{ SessionID, Token string }
	ask(t, http.MethodPost, api+"/sessions", "", nil, &session)
	at := api + "/sessions/" + session.SessionID
	photo, err := os.ReadFile(filepath.Join(root, "functions", "thumbnail-lambda", "testdata", "objects", "smoke", "originals", "photo.jpg"))
	require.NoError(t, err)
	var uploads struct{ Uploads []struct{ Key, URL string } }
	file := map[string]any{"name": "photo.jpg", "contentType": "image/jpeg", "size": len(photo)}
	ask(t, http.MethodPost, at+"/uploads", session.Token, map[string]any{"files": []any{file}}, &uploads)
	upload, err := http.NewRequestWithContext(ctx, http.MethodPut, uploads.Uploads[0].URL, bytes.NewReader(photo))
	require.NoError(t, err)
	upload.Header.Set("Content-Type", "image/jpeg")
	answer, err := http.DefaultClient.Do(upload)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)

	var job struct{ JobID, Status string }
	ask(t, http.MethodPost, at+"/jobs", session.Token, map[string]any{"kind": "thumbnail", "keys": []string{uploads.Uploads[0].Key}}, &job)
	for job.Status == "queued" || job.Status == "running" {
		time.Sleep(200 * time.Millisecond)
		ask(t, http.MethodGet, at+"/jobs/"+job.JobID, session.Token, nil, &job)
	}
	assert.Equal(t, "succeeded", job.Status)
}

// ask makes one request of the API and reads its answer.
func ask(t *testing.T, method, url, token string, body, answer any) {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(data))
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Less(t, got.StatusCode, http.StatusMultipleChoices, "%s %s: %s", method, url, text)
	require.NoError(t, json.Unmarshal(text, answer), "%s", text)
}

package storage_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/storage"
)

func ask(t *testing.T, method, url, part string) (status int, header http.Header, body []byte, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if part != "" {
		request.Header.Set("Range", part)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

func TestFetch(t *testing.T) {
	s3 := awstest.StartS3(t)
	store, err := storage.New()
	require.NoError(t, err)
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	s3.Put(t, "s1/clip", content)
	path := filepath.Join(t.TempDir(), "original")

	t.Run("small: a file", func(t *testing.T) {
		local, err := store.Fetch(t.Context(), awstest.Bucket, "s1/clip", path, int64(len(content)))
		require.NoError(t, err)
		assert.Equal(t, path, local.Address)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, data)
		require.NoError(t, local.Close())
		require.NoError(t, os.Remove(path))
	})
	t.Run("none", func(t *testing.T) {
		_, err := store.Fetch(t.Context(), awstest.Bucket, "s1/none", path, 10)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), err)
	})
	t.Run("large: an address", func(t *testing.T) {
		local, err := store.Fetch(t.Context(), awstest.Bucket, "s1/clip", path, 10)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(local.Address, "http://127.0.0.1:"), local.Address)
		assert.NoFileExists(t, path)
		for name, test := range map[string]struct {
			method, part string
			status       int
			want         []byte
			says         string
		}{
			"all":                  {"GET", "", 206, content, "bytes 0-999999/1000000"},
			"from the start":       {"GET", "bytes=0-", 206, content, "bytes 0-999999/1000000"},
			"the end":              {"GET", "bytes=999995-", 206, content[:5], "bytes 999995-999999/1000000"},
			"the middle":           {"GET", "bytes=500003-500005", 206, []byte("345"), "bytes 500003-500005/1000000"},
			"more than there is":   {"GET", "bytes=999999-2000000", 206, []byte("9"), "bytes 999999-999999/1000000"},
			"after the end":        {"GET", "bytes=1000000-", 416, nil, "bytes */1000000"},
			"several":              {"GET", "bytes=0-1,5-6", 416, nil, "bytes */1000000"},
			"the last ones":        {"GET", "bytes=-5", 416, nil, "bytes */1000000"},
			"another unit":         {"GET", "lines=0-5", 416, nil, "bytes */1000000"},
			"a method that writes": {"PUT", "", 404, nil, ""},
		} {
			t.Run(name, func(t *testing.T) {
				status, header, body, err := ask(t, test.method, local.Address, test.part)
				require.NoError(t, err)
				assert.Equal(t, test.status, status)
				assert.Equal(t, test.says, header.Get("Content-Range"))
				if name == "the end" {
					assert.Equal(t, "56789", string(body))
					return
				}
				assert.True(t, bytes.Equal(test.want, body), len(body))
			})
		}
		for name, address := range map[string]string{
			"without the token": local.Address[:strings.LastIndex(local.Address, "/")+1], "with another token": local.Address + "x", "another path": local.Address + "/../other",
		} {
			t.Run(name, func(t *testing.T) {
				status, _, body, err := ask(t, "GET", address, "")
				require.NoError(t, err)
				assert.Equal(t, 404, status)
				assert.Empty(t, body)
			})
		}
		require.NoError(t, local.Close())
		_, _, _, err = ask(t, "GET", local.Address, "")
		require.Error(t, err, "closed")
	})
}

// What ffmpeg makes of a part of a clip looks like a whole one, so Close tells.
func TestFetchTellsWhatCouldNotBeRead(t *testing.T) {
	for name, get := range map[string]http.HandlerFunc{
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 500))
		},
		"refused": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.Header().Set("Content-Length", strconv.Itoa(1000))
					return
				}
				get(w, r)
			}))
			defer server.Close()
			for variable, value := range map[string]string{
				"AWS_ENDPOINT_URL_S3": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
			} {
				t.Setenv(variable, value)
			}
			store, err := storage.New()
			require.NoError(t, err)
			local, err := store.Fetch(t.Context(), "bucket", "s1/clip", "unused", 10)
			require.NoError(t, err)
			_, _, _, err = ask(t, "GET", local.Address, "")
			require.Error(t, err)
			err = local.Close()
			assert.Equal(t, fault.Transient, fault.KindOf(err), err)
		})
	}
}

package endtoend

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/mediatest"
)

// TestJobsEndWhateverHappens runs the system without a key for Gemini, and kills a
// processor at work.
func TestJobsEndWhateverHappens(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells in /proc which process is a function")
	}
	t.Setenv("GEMINI_API_KEY", "")
	t.Setenv("SSM_API_KEY_PARAM", "")
	s := start(t)
	clip := mediatest.Make(t, "long.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=30", "-pix_fmt", "yuv420p", "-preset", "ultrafast")
	keys := s.upload(t, []file{
		{"view.jpg", "image/jpeg", mediatest.JPEG(t, mediatest.Scenery(1, 1600, 1200))},
		{"long.mp4", "video/mp4", mediatest.Read(t, clip)},
		{"broken.jpg", "image/jpeg", []byte("no picture")},
	})

	item := s.finish(t, map[string]any{"kind": "enhancement", "keys": keys[:1]}, 20*time.Second)[0]
	assert.Equal(t, "failed", item["status"])
	assert.Equal(t, "ConfigurationError", item["errorType"])
	assert.Equal(t, "environment variables GEMINI_API_KEY and SSM_API_KEY_PARAM are not set; set one of them", item["errorMessage"])

	s.run(t, map[string]any{"kind": "thumbnail", "keys": keys[:1]})
	selection := s.finish(t, map[string]any{"kind": "selection", "keys": keys[:1]}, 10*time.Second)[0]
	require.Equal(t, "succeeded", selection["status"], selection)
	assert.Equal(t, "measures", selection["result"].(map[string]any)["rankedBy"])

	video := map[string]any{"kind": "video", "keys": keys[1:2], "preset": "reel"}
	id := s.call(t, "startJob", nil, video)["jobId"].(string)
	require.Eventually(t, func() bool { return s.items(t, id)[0]["status"] == "running" }, time.Minute, 20*time.Millisecond)
	kill(t, s.pid, "AiSocialMediaVideoProcessor")
	item = s.wait(t, id, 20*time.Second)[0]
	assert.Equal(t, "failed", item["status"])
	assert.Equal(t, "the processor ended before it answered, for instance for lack of memory", item["errorMessage"])

	broken := s.finish(t, map[string]any{"kind": "thumbnail", "keys": []string{keys[2], s.session + "/originals/none.jpg"}}, time.Minute)
	for _, item := range broken {
		assert.Equal(t, "failed", item["status"])
		assert.NotRegexp(t, `s3://|/tmp|operation error|RequestID|[a-z]+\.[A-Z]\w+|https?:`, item["errorMessage"])
		t.Log(item["errorMessage"])
	}
}

// kill kills the process of a function of the system whose process is parent.
func kill(t *testing.T, parent int, function string) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range environments {
		environment, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environment, []byte("AWS_LAMBDA_FUNCTION_NAME="+function)) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if err != nil {
			continue
		}
		var pid, parentOf int
		var name, state string
		_, err = fmt.Sscan(string(stat), &pid, &name, &state, &parentOf)
		require.NoError(t, err, strconv.Quote(string(stat)))
		if parentOf == parent {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
	require.Fail(t, "no process of "+function)
}

package endtoend

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/geminitest"
	"lambdas.internal/shared/mediatest"
)

// TestThePageInABrowser does in a real browser what a person does on the page of
// `bin/ci up`: chooses files, waits for the thumbnails, starts the other jobs and looks at
// their results.
func TestThePageInABrowser(t *testing.T) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	edited := mediatest.JPEG(t, mediatest.Scenery(9, 1200, 900))
	geminitest.Start(t, gemini(edited))
	s := start(t)
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "海 写真.jpg"), filepath.Join(dir, "Größe.png.jpg"), filepath.Join(dir, "broken.jpg"), filepath.Join(dir, "clip.mp4")}
	for i, data := range [][]byte{
		mediatest.JPEG(t, mediatest.Scenery(1, 1600, 1200)), mediatest.JPEG(t, mediatest.Scenery(2, 1200, 1600)), []byte("no picture"),
		mediatest.Read(t, mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=25:duration=2", "-pix_fmt", "yuv420p")),
	} {
		require.NoError(t, os.WriteFile(files[i], data, 0o600))
	}

	b := startBrowser(t, program)
	b.do(t, "Page.navigate", map[string]any{"url": s.url + "/"}, nil)
	b.wait(t, `document.readyState === 'complete' && !!document.querySelector('#files')`, 20*time.Second)
	b.choose(t, "#files", files)
	b.wait(t, `[...document.querySelectorAll('.job')].some(j => j.dataset.shown)`, time.Minute)
	b.wait(t, `[...document.querySelectorAll('#media img')].filter(i => i.naturalWidth > 0).length === 3`, 20*time.Second)
	assert.Contains(t, b.eval(t, `document.querySelector('#media').innerText`), "海 写真.jpg")
	assert.Contains(t, b.eval(t, `document.querySelector('#jobs').innerText`), "broken.jpg: failed")

	for i, kind := range []string{"selection", "enhancement", "video"} {
		// An untrusted click is a click to the page.
		b.eval(t, `(document.querySelectorAll('#media input')[2].checked = false, document.querySelector('[data-kind=`+kind+`]').click(), '')`)
		b.wait(t, fmt.Sprintf(`[...document.querySelectorAll('.job')].filter(j => j.dataset.shown && j.dataset.status === 'succeeded').length === %d`, i+2), 2*time.Minute)
	}
	jobs := b.eval(t, `document.querySelector('#jobs').innerText`)
	for _, want := range []string{"ranked by model", "✓ selected", "1200 × 900", "Warmer now."} {
		assert.Contains(t, jobs, want)
	}
	b.wait(t, `[...document.querySelectorAll('#jobs video')].every(v => v.readyState > 0 && v.videoWidth > 0)`, 20*time.Second)
	assert.Empty(t, b.eval(t, `document.querySelector('#told').className === 'bad' ? document.querySelector('#told').textContent : ''`))
	var shot struct{ Data string }
	b.do(t, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(t, err)
	s.look(t, "page.png", data)

	b.eval(t, `(document.querySelector('#samples').click(), '')`)
	b.wait(t, `[...document.querySelectorAll('#media img')].filter(i => i.naturalWidth > 0).length === 6`, time.Minute)
	assert.Contains(t, b.eval(t, `document.querySelector('#media').innerText`), "Ἀθῆναι.jpg")
}

// browser is a browser without a window. It takes commands of the Chrome DevTools Protocol
// through a pipe (chromedevtools.github.io/devtools-protocol).
type browser struct {
	in      *os.File
	out     *bufio.Reader
	session string
	count   int
}

func startBrowser(t *testing.T, program string) *browser {
	t.Helper()
	read, in, err := os.Pipe()
	require.NoError(t, err)
	out, write, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
		"--window-size=1000,1500", "--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "about:blank")
	cmd.ExtraFiles = []*os.File{read, write}
	require.NoError(t, cmd.Start())
	require.NoError(t, read.Close())
	require.NoError(t, write.Close())
	b := &browser{in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed; its error says nothing new
		_ = in.Close()
		_ = out.Close()
	})
	var target struct{ TargetID string }
	b.do(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// do carries out a command and decodes its result.
func (b *browser) do(t *testing.T, method string, params map[string]any, result any) {
	t.Helper()
	b.count++
	command := map[string]any{"id": b.count, "method": method, "params": params}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	data, err := json.Marshal(command)
	require.NoError(t, err)
	_, err = b.in.Write(append(data, 0))
	require.NoError(t, err)
	for {
		message, err := b.out.ReadBytes(0)
		require.NoError(t, err, method)
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		require.NoError(t, json.Unmarshal(bytes.TrimRight(message, "\x00"), &answer))
		if answer.ID != b.count {
			continue // an event
		}
		require.Nil(t, answer.Error, "%s: %s", method, message)
		if result != nil {
			require.NoError(t, json.Unmarshal(answer.Result, result))
		}
		return
	}
}

// eval returns the text of an expression in the page.
func (b *browser) eval(t *testing.T, expression string) string {
	t.Helper()
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.do(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &got)
	require.Empty(t, got.ExceptionDetails, expression)
	return fmt.Sprint(got.Result.Value)
}

// wait waits until a condition is true in the page.
func (b *browser) wait(t *testing.T, condition string, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); b.eval(t, condition) != "true"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			require.Fail(t, "the page does not show what it should", "%s\n%s", condition, strings.TrimSpace(b.eval(t, `document.body.innerText`)))
		}
	}
}

// choose chooses files in a field, as a person does in the dialog.
func (b *browser) choose(t *testing.T, selector string, files []string) {
	t.Helper()
	var document struct{ Root struct{ NodeID int } }
	b.do(t, "DOM.getDocument", nil, &document)
	var field struct{ NodeID int }
	b.do(t, "DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": selector}, &field)
	b.do(t, "DOM.setFileInputFiles", map[string]any{"nodeId": field.NodeID, "files": files}, nil)
}

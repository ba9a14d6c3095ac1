package page_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var screenshots = flag.String("screenshots", "", "folder to keep the screenshots in")

// measure shows the page in a frame, and says how wide it is and how its texts look. The page runs
// no script: this one is of the frame around it.
const measure = `<!DOCTYPE html><body style="margin:0"><iframe src="%s" style="border:0;width:%dpx;height:900px"></iframe><pre></pre><script>
function light(c) { return c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }).reduce((s, v, n) => s + v * [.2126, .7152, .0722][n], 0) }
function rgb(text) { return text.match(/[\d.]+/g).map(Number) }
function behind(e) { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] }
document.querySelector('iframe').onload = () => {
  const d = document.querySelector('iframe').contentDocument
  const out = { scroll: d.documentElement.scrollWidth, paper: getComputedStyle(d.body).backgroundColor, contrast: 99, smallest: 99, bars: [...d.querySelectorAll('.bar')].map(b => b.getBoundingClientRect().width / b.parentElement.getBoundingClientRect().width) }
  d.querySelectorAll('details').forEach(e => e.open = true)
  out.open = d.documentElement.scrollWidth
  for (const e of d.body.querySelectorAll('*')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue
    const s = getComputedStyle(e), a = light(rgb(s.color).slice(0, 3)), b = light(behind(e))
    out.contrast = Math.min(out.contrast, (Math.max(a, b) + .05) / (Math.min(a, b) + .05))
    out.smallest = Math.min(out.smallest, parseFloat(s.fontSize))
  }
  document.querySelector('pre').textContent = JSON.stringify(out)
}
</script>`

// measured is what the frame says.
type measured struct {
	Scroll, Open       int
	Paper              string
	Contrast, Smallest float64
	Bars               []float64
}

// In a browser: light and dark, on a desk and on a phone.
func TestInABrowser(t *testing.T) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	dir := t.TempDir()
	if *screenshots != "" {
		dir = *screenshots
	}
	file := filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(file, written(t, whole()), 0o600))
	result := regexp.MustCompile(`<pre>(.*)</pre>`)
	chromium := func(width int, scheme string, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{
			"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + t.TempDir(), "--allow-file-access-from-files",
			"--blink-settings=preferredColorScheme=" + map[string]string{"dark": "0", "light": "1"}[scheme], fmt.Sprintf("--window-size=%d,2400", width),
		}, args...)...)
		out, err := cmd.Output()
		require.NoError(t, err)
		return out
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{360, 1100} {
			name := fmt.Sprintf("%s-%d", scheme, width)
			t.Run(name, func(t *testing.T) {
				frame := filepath.Join(dir, name+".html")
				require.NoError(t, os.WriteFile(frame, fmt.Appendf(nil, measure, "report.html", width), 0o600))
				out := result.FindSubmatch(chromium(max(width, 500), scheme, "--virtual-time-budget=5000", "--dump-dom", "file://"+frame))
				require.NotNil(t, out)
				var m measured
				require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(string(out[1]))), &m))
				assert.Equal(t, width, m.Scroll, "nothing is wider than the screen")
				assert.Equal(t, width, m.Open, "nor when all is unfolded")
				assert.GreaterOrEqual(t, m.Contrast, 4.5, "WCAG 2.2, 1.4.3")
				assert.GreaterOrEqual(t, m.Smallest, 12.0, "pixels of the smallest text")
				assert.Equal(t, map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(16, 19, 23)"}[scheme], m.Paper)
				require.Len(t, m.Bars, 3)
				assert.InDeltaSlice(t, []float64{1, 39.1 / 99.4, 43.2 / 99.4}, m.Bars, .01, "to one scale")

				picture := filepath.Join(dir, name+".png")
				chromium(width, scheme, "--screenshot="+picture, "file://"+file)
				raw, err := os.ReadFile(picture)
				require.NoError(t, err)
				shown, err := png.Decode(bytes.NewReader(raw))
				require.NoError(t, err)
				colours := map[any]bool{}
				for y := shown.Bounds().Min.Y; y < shown.Bounds().Max.Y; y += 3 {
					colours[shown.At(shown.Bounds().Dx()/4, y)] = true
				}
				assert.Greater(t, len(colours), 20, "it is not empty")
			})
		}
	}
}

package mediatest

import (
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// HEIC returns a HEIC file of a picture, as telephones store it. The arguments are those
// of heif-enc: "--cut-tiles", "512". It skips the test where there is no heif-enc.
func HEIC(t *testing.T, img image.Image, args ...string) string {
	t.Helper()
	program := modern(t, "heif-enc")
	in, out := filepath.Join(t.TempDir(), "in.png"), filepath.Join(t.TempDir(), "out.heic")
	f, err := os.Create(in)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, img))
	require.NoError(t, f.Close())
	output, err := exec.Command(program, append(args, "-q", "80", in, "-o", out)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return out
}

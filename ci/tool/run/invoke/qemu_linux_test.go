package invoke

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Debian registers QEMU by the same bytes; only which types of file and which systems they
// leave open differs.
func TestEntry(t *testing.T) {
	const head = `\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00`
	const mask = `\xff\xff\xff\xff\xff\xff\xff\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
	for arch, machine := range map[string]string{"arm64": `\xb7\x00`, "amd64": `\x3e\x00`} {
		assert.Equal(t, ":ci-"+arch+":M::"+head+machine+":"+mask+":/q:F", entry("/q", arch))
	}
}

func TestQEMUThatIsMissingOrUseless(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := QEMU("arm64")
	require.EqualError(t, err, "QEMU is not installed; install Debian's qemu-user-static, or let the kernel know QEMU: docker run --privileged --rm tonistiigi/binfmt --install arm64")

	qemu := os.Getenv("PATH") + "/qemu-aarch64-static"
	require.NoError(t, os.WriteFile(qemu, nil, 0o755))
	_, err = QEMU("arm64")
	require.ErrorContains(t, err, qemu+" is installed, but this system does not let a process use it (")
}

func TestInQEMU(t *testing.T) {
	p := InQEMU("/q", "arm64")(Process{Args: []string{"/var/runtime/bootstrap"}, Root: "/root", Dir: "/var/task"})
	assert.Equal(t, Process{Args: p.Args, Dir: "/"}, p)
	assert.True(t, strings.HasSuffix(strings.Join(p.Args, " "), " unshare --root=/root --wd=/var/task /var/runtime/bootstrap"), p.Args)

	p = InQEMU("/q", "arm64")(Process{Args: []string{"/image/var/runtime/bootstrap"}, Dir: "/image/var/task"})
	assert.Equal(t, Process{Args: p.Args, Dir: "/image/var/task"}, p)
	assert.Equal(t, "/image/var/runtime/bootstrap", p.Args[len(p.Args)-1])
}

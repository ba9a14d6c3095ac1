package commit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// objects reads objects of one repository, with one process of git.
type objects struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	ask   io.WriteCloser
	out   *bufio.Reader
	large string // where Git LFS keeps files
}

func newObjects(ctx context.Context, dir string) (*objects, error) {
	common, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return nil, err
	}
	o := &objects{large: filepath.Join(common, "lfs", "objects")}
	if o.cmd, err = command(ctx, dir, "cat-file", "--batch"); err != nil {
		return nil, err
	}
	if o.ask, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.out = bufio.NewReader(out)
	return o, o.cmd.Start()
}

// content returns the content of a blob; of a pointer of Git LFS, the file that it names,
// if it is on this machine.
func (o *objects) content(object string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := io.WriteString(o.ask, object+"\n"); err != nil {
		return nil, fmt.Errorf("read object %s: %w", object, err)
	}
	head, err := o.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", object, err)
	}
	fields := strings.Fields(head) // object, type, size
	if len(fields) != 3 {
		return nil, fmt.Errorf("git does not have object %s (%s); fetch it: git fetch", object, strings.TrimSpace(head))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", object, err)
	}
	data := make([]byte, size+1) // and the end of the line
	if _, err := io.ReadFull(o.out, data); err != nil {
		return nil, fmt.Errorf("read object %s: %w", object, err)
	}
	return o.pointed(data[:size]), nil
}

// pointed returns the file of Git LFS that a pointer names, or what it is given.
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
func (o *objects) pointed(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/v1\n")) {
		return data
	}
	_, rest, _ := bytes.Cut(data, []byte("\noid sha256:"))
	sum, _, _ := strings.Cut(string(rest), "\n")
	if len(sum) != hex.EncodedLen(sha256.Size) {
		return data
	}
	content, err := os.ReadFile(filepath.Join(o.large, sum[:2], sum[2:4], sum))
	if err != nil {
		return data
	}
	if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum {
		return data
	}
	return content
}

func (o *objects) close() error {
	if err := o.ask.Close(); err != nil {
		return err
	}
	return o.cmd.Wait()
}

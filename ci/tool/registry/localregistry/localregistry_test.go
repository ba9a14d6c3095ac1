package localregistry

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPushedImageIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir() + "/not/there/yet"
	img, err := random.Image(1000, 2)
	require.NoError(t, err)
	want, err := img.Digest()
	require.NoError(t, err)

	s, err := Start(dir, 0)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(s.Host, "127.0.0.1:"))
	ref, err := name.ParseReference(s.Host + "/a/b:tag")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, img))

	_, port, _ := strings.Cut(s.Host, ":")
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	_, err = Start(dir, number)
	require.ErrorContains(t, err, "pass a free port with --port")
	require.NoError(t, s.Close())
	_, err = http.Get("http://" + s.Host + "/v2/") //nolint:bodyclose // there is no answer
	require.Error(t, err, "it has ended")

	again, err := Start(dir, 0)
	require.NoError(t, err)
	ref, err = name.ParseReference(again.Host + "/a/b:tag")
	require.NoError(t, err)
	head, err := remote.Head(ref)
	require.NoError(t, err)
	assert.Equal(t, want, head.Digest)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, again.Wait(ctx))
	require.NoError(t, again.Close())
}

package awsfake

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command under test gets no further than the stand-in, which answers it at once.
func TestNoOtherHostIsReached(t *testing.T) {
	way, err := url.Parse(Start(t).Environment()["HTTPS_PROXY"])
	require.NoError(t, err)
	require.NotEmpty(t, way.Host)
	command := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(way)}}
	_, err = command.Get("https://" + Account + ".dkr.ecr." + Home + ".amazonaws.com/v2/") //nolint:bodyclose // there is no answer
	assert.ErrorContains(t, err, "Forbidden")
}

package local

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In a container the system listens on all addresses: its own ones mean nothing outside.
func TestAddressOfAllIsThatOfLocalhost(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		t.Run(listen, func(t *testing.T) {
			s := &System{}
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			url, err := s.serve(listen, http.NotFoundHandler())
			require.NoError(t, err)
			assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, url)
			answer, err := http.Get(url)
			require.NoError(t, err)
			assert.NoError(t, answer.Body.Close())
		})
	}
}

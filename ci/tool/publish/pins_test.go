package publish

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
)

func TestCheckPins(t *testing.T) {
	const host = "registry.example"
	all := func(why string) map[string]string {
		unpinned := map[string]string{}
		for _, f := range registrytest.Functions() {
			unpinned[f.Image] = ""
		}
		unpinned["select"] = why
		return unpinned
	}
	tests := map[string]struct {
		unpinned map[string]string
		host     string
		want     string
	}{
		"all as locked":               {all(""), host, ""},
		"one is not":                  {all(`its base is "offline", not the pinned one`), host, `publish select to registry.example/lambda-private-heavy: its base is "offline", not the pinned one; build it from`},
		"one is not, on this machine": {all("its base is another"), "127.0.0.1:5000", ""},
		"nobody has compared":         {nil, host, "publish api to registry.example/lambda-private-light: nobody has compared it with what is pinned"},
		"nobody has, on this machine": {nil, "localhost:5000", ""},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			items := reference.Items(registrytest.Functions(), reference.Hosts{Private: test.host, Public: test.host}, first)
			assert.Equal(t, test.host == host, NeedPins(items))
			err := CheckPins(items, test.unpinned)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}

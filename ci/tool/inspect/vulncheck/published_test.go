package vulncheck

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/publish/ecrstate"
)

func TestWhatECRHasFound(t *testing.T) {
	of := func(status string, critical, unfixable int) ecrstate.Scan {
		return ecrstate.Scan{Kind: "enhanced", Status: status, Severities: map[string]int{"CRITICAL": critical, "MEDIUM": 3}, Unfixable: unfixable}
	}
	for title, test := range map[string]struct {
		published Published
		redeploys bool
		verdict   string
	}{
		"a fix exists":            {Published{Digest: "sha256:a", Scan: of("ACTIVE", 2, 1)}, true, "redeploy, from a newer base or with newer modules"},
		"no fix exists":           {Published{Digest: "sha256:a", Scan: of("ACTIVE", 2, 2)}, false, "no fix exists yet"},
		"nothing grave":           {Published{Digest: "sha256:a", Scan: of("COMPLETE", 0, 0)}, false, "nothing grave"},
		"scanning is off":         {Published{Digest: "sha256:a"}, false, "unknown: not scanned; scanning is off for the repository, or was when it was pushed"},
		"an image that is no use": {Published{Digest: "sha256:a", Scan: ecrstate.Scan{Status: "UNSUPPORTED_IMAGE"}}, false, "unknown: ECR's scan is UNSUPPORTED_IMAGE"},
		"no image":                {Published{}, false, "unknown: the function runs no image of this repository"},
	} {
		t.Run(title, func(t *testing.T) {
			test.published.Image, test.published.Lambda = "api", "Api"
			r := &Report{Functions: []Function{{Image: "api", Modules: 3}}, Redeploy: []string{}}

			r.AddPublished([]Published{test.published})

			var out bytes.Buffer
			require.NoError(t, r.Table(&out))
			assert.Contains(t, out.String(), test.verdict+"\n")
			if test.redeploys {
				require.ErrorContains(t, r.Err(), "vulncheck: ECR has found vulnerabilities in what functions run; build from a newer base or with newer modules, and redeploy: api")
				assert.Contains(t, out.String(), "redeploy api: 1 function")
			} else {
				require.NoError(t, r.Err())
			}
		})
	}
}

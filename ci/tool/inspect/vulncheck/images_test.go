package vulncheck

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/inspect/osv"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const records = "../osv/testdata/ffmpeg"

func database(t *testing.T, text string) *osv.Database {
	t.Helper()
	db, err := osv.Open(text)
	require.NoError(t, err)
	return db
}

func table(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.Table(&b))
	return b.String()
}

// newReport returns one of a light and a heavy function, with nothing found in Go modules.
func newReport(ffmpeg *FFmpeg, base *Base) *Report {
	r := NewReport("db", time.Time{}, []Function{{Image: "api", Modules: 2}, {Image: "thumb", Modules: 2}})
	r.Add([]catalog.Function{{Variant: catalog.Light}, {Variant: catalog.Heavy}}, ffmpeg, base)
	return r
}

func TestAnFFmpegToReplace(t *testing.T) {
	f, err := CheckFFmpeg(t.Context(), "docker.io/mwader/static-ffmpeg:7.1.1@sha256:ab", database(t, records), true)
	require.NoError(t, err)

	r := newReport(f, CheckBase("public.ecr.aws/lambda/provided:al2023"))

	assert.Equal(t, []string{"thumb"}, r.Redeploy, "only heavy images have ffmpeg")
	require.EqualError(t, r.Err(), "vulncheck: 1 vulnerability is reached by 1 function; move to the fixed versions and redeploy: thumb")
	assert.Equal(t, []Undecided{{ID: "OSV-2026-300", Why: "names commits, not versions"}}, f.Unknown)
	assert.Equal(t, `REDEPLOY  VULNERABILITY  MODULE  FOUND  FIXED IN  HOW IT IS REACHED
thumb     CVE-2026-8461  ffmpeg  7.1.1  8.1.2     ffmpeg is in the image
fix: ffmpeg 8.1.2: edit ffmpeg's reference in ci/images.lock.json, then bin/ci lock

ffmpeg 7.1.1 (docker.io/mwader/static-ffmpeg:7.1.1@sha256:ab): compared with 3 records of ../osv/testdata/ffmpeg; the libraries linked into it were not checked
ffmpeg 7.1.1: unknown, because the version does not decide it, for 1 record: OSV-2026-300; --json says why for each
base (public.ecr.aws/lambda/provided:al2023): its packages were not checked: OSV has no data on Amazon Linux; ECR's scan on push of the private repositories checks them
redeploy thumb: 2 functions, 4 modules, by db, 0.00 s
`, table(t, r))
}

func TestTheLaterOfSeveralFixes(t *testing.T) {
	f := &FFmpeg{findings: []Finding{
		{ID: "A", Module: "ffmpeg", Fixed: "8.1.10", Reach: InImage}, {ID: "B", Module: "ffmpeg", Fixed: "8.1.9", Reach: InImage}, {ID: "C", Module: "ffmpeg", Reach: InImage},
	}}
	fixes := newReport(f, nil).Fixes()
	require.Len(t, fixes, 1)
	assert.Equal(t, "ffmpeg 8.1.10: edit ffmpeg's reference in ci/images.lock.json, then bin/ci lock", fixes[0].String())
}

func TestWhatIsNotChecked(t *testing.T) {
	down := database(t, "http://127.0.0.1:1")
	for name, c := range map[string]struct {
		reference string
		named     bool
		line, err string
	}{
		"the default cannot be reached": {"docker.io/mwader/static-ffmpeg:9.0.2", false, "ffmpeg (docker.io/mwader/static-ffmpeg:9.0.2) was not checked: Post \"http://127.0.0.1:1/v1/query\": dial tcp 127.0.0.1:1: connect: connection refused; to use a folder of OSV records, pass --osv FOLDER\n", ""},
		"the named one cannot":          {"docker.io/mwader/static-ffmpeg:9.0.2", true, "", "--osv: Post \"http://127.0.0.1:1/v1/query\": dial tcp 127.0.0.1:1: connect: connection refused; to use a folder of OSV records, pass --osv FOLDER"},
		"a tag that is no version":      {"docker.io/mwader/static-ffmpeg:latest", true, "ffmpeg (docker.io/mwader/static-ffmpeg:latest) was not checked: its tag \"latest\" is not a version of ffmpeg, such as 9.0.2; name the image by such a tag\n", ""},
		"npm's":                         {pin.Static, true, "ffmpeg (static) was not checked: the versions of its npm packages are not those of ffmpeg; publish accepts it only on localhost\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := CheckFFmpeg(t.Context(), c.reference, down, c.named)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			r := newReport(f, CheckBase(pin.Static))
			require.NoError(t, r.Err())
			assert.Equal(t, c.line+"base (static): has no packages\nno function needs a new deployment, as far as is known: 2 functions, 4 modules, by db, 0.00 s\n", table(t, r))
		})
	}
}

func TestLightImagesHaveNoFFmpeg(t *testing.T) {
	r := newReport(nil, CheckBase(pin.Static))
	assert.Equal(t, "base (static): has no packages\nno function needs a new deployment: 2 functions, 4 modules, by db, 0.00 s\n", table(t, r))
}

func TestManyUnknownRecordsAreOneLine(t *testing.T) {
	f := &FFmpeg{Image: "x:1", Version: "1", Database: "d", Records: 9}
	for _, id := range strings.Split("ABCDEFG", "") {
		f.Unknown = append(f.Unknown, Undecided{ID: id})
	}
	assert.Equal(t, "ffmpeg 1: unknown, because the version does not decide it, for 7 records: A, B, C, D, E, 2 more; --json says why for each", f.lines()[1])
}

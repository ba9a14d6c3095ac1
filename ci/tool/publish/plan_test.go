package publish

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestItems(t *testing.T) {
	h := Hosts{Private: PrivateHost("123456789012", "eu-central-1"), Public: PublicHost + "/alias"}
	var got []string
	for _, i := range Items(registrytest.Functions(), h, "abc1234") {
		line := i.Repository + ":" + i.CommitTag + " " + i.LatestTag
		if i.DeployCopy {
			line += " copy"
		}
		got = append(got, line)
	}
	const private = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ai-social-media-lambda-"
	assert.Equal(t, []string{
		private + "light:api-abc1234 api-latest",
		"public.ecr.aws/alias/lambda-light:enhance-abc1234 enhance-latest",
		private + "light:enhance-abc1234 enhance-latest copy",
		private + "heavy:select-abc1234 select-latest",
		"public.ecr.aws/alias/lambda-heavy:thumb-abc1234 thumb-latest",
		private + "heavy:thumb-abc1234 thumb-latest copy",
		"public.ecr.aws/alias/lambda-heavy:video-abc1234 video-latest",
		private + "heavy:video-abc1234 video-latest copy",
	}, got)
	assert.Equal(t, "1.dkr.ecr.cn-north-1.amazonaws.com.cn", PrivateHost("1", "cn-north-1"))
}

func TestLoopback(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1:5000/a": true, "127.8.9.1/a": true, "localhost:5000/a": true, "localhost/a": true, "[::1]:5000/a": true,
		"public.ecr.aws/alias/a": false, "10.0.0.1:5000/a": false, "localhost.example.com/a": false, "127.0.0.1.example.com/a": false,
	}
	for host, loopback := range tests {
		assert.Equal(t, loopback, Loopback(host), host)
	}
}

func TestCheckPins(t *testing.T) {
	const ffmpeg = "docker.io/mwader/static-ffmpeg:7.1.1"
	digest, other := registrytest.BaseDigest, "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	locked := func(base, of string) *lock.Lock {
		return &lock.Lock{Base: lock.Image{Reference: "base", Digest: base}, FFmpeg: lock.Image{Reference: ffmpeg, Digest: of}}
	}
	tests := map[string]struct {
		pin    image.Pin
		ffmpeg string
		lock   *lock.Lock
		host   string
		want   string
	}{
		"all as locked":                     {image.Pinned, ffmpeg + "@" + other, locked(digest, other), "registry.example", ""},
		"the static base":                   {image.Offline, ffmpeg + "@" + other, locked(digest, other), "registry.example", `publish api to registry.example/ai-social-media-lambda-light: its base is "offline", not the pinned one`},
		"the static base, on this machine":  {image.Offline, "npm x", locked("", ""), "127.0.0.1:5000", ""},
		"a base of another time":            {image.Pinned, ffmpeg + "@" + other, locked(other, other), "registry.example", `the lock file pins "` + other + `"`},
		"nothing is locked":                 {image.Pinned, ffmpeg + "@" + other, locked("", other), "registry.example", `the lock file pins ""`},
		"the ffmpeg of npm":                 {image.Pinned, "npm x", locked(digest, other), "registry.example", `publish select to registry.example/ai-social-media-lambda-heavy: its ffmpeg is from "npm x"`},
		"another ffmpeg under the same tag": {image.Pinned, ffmpeg + "@" + digest, locked(digest, other), "registry.example", `its ffmpeg is from "` + ffmpeg + "@" + digest + `"`},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			functions := registrytest.Functions()
			images, err := ReadImages(registrytest.Layout(t, functions, "x", nil, test.pin, test.ffmpeg), functions, nil)
			require.NoError(t, err)
			err = CheckPins(Items(functions, Hosts{Private: test.host, Public: test.host}, first), images, test.lock)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	good := "127.0.0.1:5000"
	for host, fine := range map[string]bool{good: true, "public.ecr.aws/alias": true, "": false, "http://x": false, "a b": false, "x:y": false} {
		assert.Equal(t, fine, Hosts{host, good}.Check() == nil, "%q", host)
	}
}

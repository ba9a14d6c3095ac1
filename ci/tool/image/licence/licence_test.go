package licence

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTexts(t *testing.T) {
	texts := Texts()
	for name, title := range map[string]string{
		"COPYING.GPLv2": "GNU GENERAL PUBLIC LICENSE\n                       Version 2", "COPYING.GPLv3": "GNU GENERAL PUBLIC LICENSE\n                       Version 3",
		"COPYING.LGPLv2.1": "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 2.1", "COPYING.LGPLv3": "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3",
		Source: "https://github.com/wader/static-ffmpeg",
	} {
		assert.Contains(t, texts[name], title, name)
	}
	assert.Len(t, texts, 5)
	for _, name := range []string{"https://ffmpeg.org/releases/", "https://johnvansickle.com/ffmpeg/", "https://git.ffmpeg.org/ffmpeg.git", Build, Versions} {
		assert.Contains(t, texts[Source], name)
	}
}

func TestFiles(t *testing.T) {
	files := Files("where it comes from")
	assert.Len(t, files, len(Texts())+1)
	for _, f := range files {
		assert.True(t, strings.HasPrefix(f.Path, Dir+"/"), f.Path)
		assert.NotZero(t, f.Size, f.Path)
	}
	assert.Equal(t, Dir+"/"+Build, files[0].Path)
	assert.EqualValues(t, len("where it comes from\n"), files[0].Size)
}

func TestPrograms(t *testing.T) {
	tests := map[string]struct {
		comment string
		want    []Program
	}{
		"packages": {"npm @ffmpeg-installer/linux-x64@4.1.0, @ffprobe-installer/linux-x64@5.2.0", []Program{
			{Name: "ffmpeg", Version: "4.1.0", PURL: "pkg:npm/%40ffmpeg-installer/linux-x64@4.1.0", License: License, Source: "https://johnvansickle.com/ffmpeg/"},
			{Name: "ffprobe", Version: "5.2.0", PURL: "pkg:npm/%40ffprobe-installer/linux-x64@5.2.0", License: License, Source: "https://johnvansickle.com/ffmpeg/"},
		}},
		"a package of somebody else": {"npm @mine/thing@1", []Program{{Name: "ffmpeg", Version: "1", PURL: "pkg:npm/%40mine/thing@1"}}},
		"the locked image": {"docker.io/mwader/static-ffmpeg:7.1.1@sha256:ab", []Program{{
			Name: "ffmpeg", Version: "7.1.1", Digest: "sha256:ab", License: License,
			PURL:   "pkg:oci/static-ffmpeg@sha256:ab?repository_url=docker.io%2Fmwader%2Fstatic-ffmpeg&tag=7.1.1",
			Source: "https://github.com/wader/static-ffmpeg/tree/7.1.1",
		}}},
		"an image without a tag, on a port": {"localhost:5000/ffmpeg@sha256:ab", []Program{{
			Name: "ffmpeg", Digest: "sha256:ab", PURL: "pkg:oci/ffmpeg@sha256:ab?repository_url=localhost:5000%2Fffmpeg",
		}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, Programs(test.comment)) })
	}
}

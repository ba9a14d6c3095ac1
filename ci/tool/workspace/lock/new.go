package lock

// New returns a lock file with what a workspace starts from unless it says otherwise,
// without digests. toolchain is the Go version of go.work, such as go1.26.8.
func New(toolchain string) *Lock {
	static := func(architecture, ffmpeg string) Static {
		return Static{
			FFmpeg:  Package{Name: "@ffmpeg-installer/linux-" + architecture, Version: ffmpeg},
			FFprobe: Package{Name: "@ffprobe-installer/linux-" + architecture, Version: "5.2.0"},
		}
	}
	return &Lock{
		Base:    Image{Reference: "public.ecr.aws/lambda/provided:al2023"},
		FFmpeg:  Image{Reference: "docker.io/mwader/static-ffmpeg:9.0.2"},
		Builder: Image{Reference: "docker.io/library/golang:" + toolchain[len("go"):] + "-bookworm"},
		Static:  map[string]Static{"amd64": static("x64", "4.1.0"), "arm64": static("arm64", "4.1.4")},
	}
}

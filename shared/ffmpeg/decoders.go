package ffmpeg

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
)

// decoders are the codecs that input may have, each with the decoders for it that
// builds of ffmpeg carry: what telephones, cameras and browsers write. ffmpeg has
// over 400 more, each of which an upload could reach with its own weaknesses
// (CVE-2026-8461 is a heap write by the one of MagicYUV). Demuxers and parsers are
// not limited by it.
var decoders = map[string][]string{
	// pictures
	"gif": {"gif"}, "mjpeg": {"mjpeg"}, "png": {"png"}, "webp": {"webp"},
	// video; av1 and hevc are those of AVIF and HEIC too
	"av1":        {"libdav1d", "libaom-av1", "av1"},
	"dvvideo":    {"dvvideo"},
	"h263":       {"h263"},
	"h264":       {"h264"},
	"hevc":       {"hevc"},
	"mpeg1video": {"mpeg1video"},
	"mpeg2video": {"mpeg2video"},
	"mpeg4":      {"mpeg4"},
	"prores":     {"prores"},
	"vp8":        {"vp8", "libvpx"},
	"vp9":        {"vp9", "libvpx-vp9"},
	// sound
	"aac":           {"aac", "aac_fixed", "libfdk_aac"},
	"ac3":           {"ac3", "ac3_fixed"},
	"adpcm_ima_wav": {"adpcm_ima_wav"},
	"alac":          {"alac"},
	"amr_nb":        {"amrnb", "libopencore_amrnb"},
	"amr_wb":        {"amrwb", "libopencore_amrwb"},
	"eac3":          {"eac3"},
	"flac":          {"flac"},
	"mp2":           {"mp2float", "mp2"},
	"mp3":           {"mp3float", "mp3"},
	"opus":          {"opus", "libopus"},
	"pcm_alaw":      {"pcm_alaw"},
	"pcm_f32be":     {"pcm_f32be"},
	"pcm_f32le":     {"pcm_f32le"},
	"pcm_mulaw":     {"pcm_mulaw"},
	"pcm_s16be":     {"pcm_s16be"},
	"pcm_s16le":     {"pcm_s16le"},
	"pcm_s24be":     {"pcm_s24be"},
	"pcm_s24le":     {"pcm_s24le"},
	"pcm_s32be":     {"pcm_s32be"},
	"pcm_s32le":     {"pcm_s32le"},
	"pcm_s8":        {"pcm_s8"},
	"pcm_u8":        {"pcm_u8"},
	"vorbis":        {"vorbis", "libvorbis"},
}

// whitelist is the value of -codec_whitelist.
var whitelist = func() string {
	var names []string
	for _, codec := range slices.Sorted(maps.Keys(decoders)) {
		names = append(names, decoders[codec]...)
	}
	return strings.Join(names, ",")
}()

// refused is the fault of a stream that is coded as none of the decoders' codecs.
// What is "picture", "video" or "sound".
func refused(what, codec string) error {
	remedy := map[string]string{"picture": "JPEG", "video": "H.264 in MP4", "sound": "AAC"}[what]
	return fault.New(fault.InvalidInput, "the %s is coded as %s, which is not accepted; convert it to %s", what, codec, remedy)
}

// offList finds the decoder that ffprobe was not allowed to open (libavcodec/avcodec.c,
// avcodec_open2). ffprobe opens one for each stream, also for those that nobody wants.
var offList = regexp.MustCompile(`Codec \(([^)]*)\) not on whitelist`)

// lastRefused returns the decoder that the program's last complaint is about.
func lastRefused(stderr string) string {
	all := offList.FindAllStringSubmatch(stderr, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

package ffmpeg

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
)

// decoders are the codecs that input may have, each with the names of its decoders in
// builds of ffmpeg. Telephones, cameras and browsers write these codecs. ffmpeg has over
// 400 more decoders, and an upload could use a weakness in any of them (CVE-2026-8461 is
// a heap write in the decoder of MagicYUV). The list does not limit demuxers and parsers.
var decoders = map[string][]string{
	// pictures
	"gif": {"gif"}, "mjpeg": {"mjpeg"}, "png": {"png"}, "webp": {"webp"},
	// video; AVIF and HEIC pictures use av1 and hevc too
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

// refused returns the fault for a stream whose codec is not in decoders. The value of
// what is "picture", "video" or "sound".
func refused(what, codec string) error {
	remedy := map[string]string{"picture": "JPEG", "video": "H.264 in MP4", "sound": "AAC"}[what]
	return fault.New(fault.InvalidInput, "the %s is encoded as %s, which is not accepted; convert it to %s", what, codec, remedy)
}

// offList finds the decoder that ffprobe was not allowed to open (libavcodec/avcodec.c,
// avcodec_open2). ffprobe opens a decoder for each stream, even for an unused one.
var offList = regexp.MustCompile(`Codec \(([^)]*)\) not on whitelist`)

// lastRefused returns the decoder in the program's last message of that kind.
func lastRefused(stderr string) string {
	all := offList.FindAllStringSubmatch(stderr, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

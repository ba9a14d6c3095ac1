package ffmpeg

import (
	"fmt"
	"slices"
	"strings"
)

// color says how the numbers of a picture become colours, in the words of ffprobe
// (libavutil/pixdesc.c). A word is empty or "unknown" when the file does not say.
type color struct {
	matrix, primaries, reach string
}

// matrices are the names that the filter scale has for the matrices of ffprobe
// (libavfilter/vf_scale.c).
var matrices = map[string]string{
	"bt709": "bt709", "smpte170m": "bt601", "bt470bg": "bt601", "fcc": "fcc", "smpte240m": "smpte240m", "bt2020nc": "bt2020", "bt2020c": "bt2020",
}

// primaries are the ones that the filter colorspace converts (libavfilter/vf_colorspace.c).
// Telephones record P3 (smpte432); older cameras those of BT.601.
var primaries = map[string]bool{"bt470m": true, "bt470bg": true, "smpte170m": true, "smpte240m": true, "smpte431": true, "smpte432": true, "bt2020": true}

// ForVideo returns the filters that give a picture the colours of a video on the web:
// BT.709 with limited range. Players take others for these. It belongs after scaling,
// because it is slow, and needs an even size.
func (m Media) ForVideo() []string {
	return append(m.colors("bt709", "tv", "colorspace=all=bt709:iall=bt709:irange=tv:range=tv:iprimaries="), "format=yuv420p", "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709")
}

// ForPicture returns the filters that give a picture the colours of a JPEG file: BT.601
// with full range (JFIF 1.02), and the primaries of BT.709, which are those of sRGB.
func (m Media) ForPicture() []string {
	if m.rgb() {
		return nil // ffmpeg's own conversion to JPEG
	}
	// zscale, because colorspace refuses odd sizes; it is slower, but a still is small.
	return m.colors("bt601", "pc", "zscale=tin=bt709:t=bt709:min=bt709:m=bt709:rin=tv:r=tv:p=bt709:pin=")
}

// NoProfile is the filter that removes the colour profile of the original: it removes
// AV_FRAME_DATA_ICC_PROFILE, whose name old versions do not know (libavutil/frame.h).
const NoProfile = "sidedata=mode=delete:type=15"

// colors returns the filters that convert to a matrix and range; convert is the one that
// converts from the primaries whose name follows it. A profile of primaries that were
// converted would be applied a second time.
func (m Media) colors(matrix, reach, convert string) (filters []string) {
	from, fromReach := m.matrix(), m.reach()
	toVideo := fmt.Sprintf("scale=in_color_matrix=%s:in_range=%s:out_color_matrix=bt709:out_range=tv", from, fromReach)
	switch {
	case m.HDR:
		filters, from, fromReach = append(slices.Clone(toneMap), NoProfile), "bt709", "tv"
	case m.rgb():
		return []string{"format=gbrp", "scale=out_color_matrix=" + matrix + ":out_range=" + reach}
	case primaries[m.color.primaries]:
		filters = []string{toVideo, "format=yuv444p", convert + m.color.primaries, NoProfile}
		from, fromReach = "bt709", "tv"
	}
	if from != matrix || fromReach != reach {
		filters = append(filters, fmt.Sprintf("scale=in_color_matrix=%s:in_range=%s:out_color_matrix=%s:out_range=%s", from, fromReach, matrix, reach))
	}
	return filters
}

// toneMap converts an HDR picture to one that every player shows correctly, with Hable's
// curve and white at 100 nits (ITU-R BT.2100 and BT.709).
var toneMap = []string{
	"format=yuv444p10le", // zscale refuses odd sizes when the colour planes have half the size
	"zscale=transfer=linear:npl=100", "format=gbrpf32le", "zscale=primaries=bt709", "tonemap=tonemap=hable:desat=0",
	"zscale=transfer=bt709:matrix=bt709:range=tv", "format=yuv444p",
}

// matrix returns the filter's name of the matrix. A file that does not say has that of
// its kind: JPEG and WebP that of BT.601, and so has video of less than 720 lines.
func (m Media) matrix() string {
	if known := matrices[m.color.matrix]; known != "" {
		return known
	}
	if m.Codec == "mjpeg" || m.Codec == "webp" || min(m.Width, m.Height) < 720 {
		return "bt601"
	}
	return "bt709"
}

func (m Media) reach() string {
	if m.color.reach == "pc" || strings.HasPrefix(m.PixelFormat, "yuvj") {
		return "pc"
	}
	return "tv"
}

// rgb tells whether the pixel format has no matrix (libavutil/pixdesc.c).
func (m Media) rgb() bool {
	for _, part := range []string{"rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "gray", "ya", "mono"} {
		if strings.HasPrefix(m.PixelFormat, part) {
			return true
		}
	}
	return false
}

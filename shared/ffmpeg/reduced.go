package ffmpeg

import "strconv"

// reductions is how often a JPEG can be halved while it is decoded (libavcodec/mjpegdec.c,
// max_lowres): a block of 8 x 8 pixels becomes 4 x 4, 2 x 2 or 1.
const reductions = 3

// coefficient is the size in bytes of a number of a progressive JPEG, whose decoder keeps
// those of the whole picture until it has read all of them (libavcodec/mjpegdec.c, blocks).
const coefficient = 2

// progressive is ffprobe's word for such a JPEG (libavcodec/profiles.c).
const progressive = "Progressive"

// Reduced returns the picture as it is when a JPEG is decoded at the smallest of 1/2, 1/4
// and 1/8 that leaves its longer side at least side pixels. Any other picture, and a smaller
// one, stays as it is. The pixels of a reduced one are the means of those of the whole.
// ffmpeg refuses to reduce a JPEG of rare kinds, so whoever reduces tries the whole one too.
func (m Media) Reduced(side int) Media {
	if m.Container != jpeg || m.Squeezed {
		return m
	}
	for m.lowres < reductions && max(m.Width, m.Height)>>(m.lowres+1) >= side {
		m.lowres++
	}
	return m
}

// Reduction returns the input options that decode the picture as Reduced returned it.
func (m Media) Reduction() []string {
	if m.lowres == 0 {
		return nil
	}
	return []string{"-lowres", strconv.Itoa(m.lowres)}
}

// decoded returns how many pixels the decoder writes for a frame.
func (m Media) decoded() int64 {
	up := int64(1)<<m.lowres - 1
	return (int64(m.Width) + up) >> m.lowres * ((int64(m.Height) + up) >> m.lowres)
}

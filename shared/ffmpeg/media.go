package ffmpeg

import (
	"fmt"
	"strings"
	"time"
)

// Media holds the properties of a file that ffprobe found.
type Media struct {
	// Container is ffprobe's format_name, for instance "mov,mp4,m4a,3gp,3g2,mj2"; "heif" for
	// a still picture in HEIC or AVIF.
	Container string
	// Codec of the video stream, for instance "h264".
	Codec string
	// PixelFormat of the video stream, for instance "yuv420p".
	PixelFormat string
	// Width and Height as a player shows them: with square pixels and after Rotation.
	Width, Height int
	// Squeezed is true when the stored pixels are not square.
	Squeezed bool
	// HDR is true when the picture has the brightness curve of HLG or PQ. A player without
	// HDR shows such a picture washed out.
	HDR   bool
	color color
	// Interlaced is true when each frame holds two pictures, in every second line one.
	Interlaced bool
	// Rotation that the container asks for, clockwise: 0, 90, 180 or 270 degrees.
	Rotation int
	// Duration is 0 for a still image.
	Duration time.Duration
	// FrameRate in frames a second; 0 when unknown.
	FrameRate float64
	// AudioCodec is the codec of the first audio stream that is accepted, or of the first
	// one if none is. It is empty when there is no audio stream.
	AudioCodec string
	// profile is ffprobe's word for the kind of JPEG.
	profile string
	// lowres is how often the sides are halved by the decoder.
	lowres int
	// Tiles of a picture that is stored in parts; nil for any other.
	Tiles *Tiles
	// VideoStream and AudioStream are the positions of these streams among the video and
	// the audio streams, from 0.
	VideoStream, AudioStream int
	// Taken is when the recording began; zero when the file does not say.
	Taken time.Time
}

// Still tells whether the file is a single picture.
func (m Media) Still() bool {
	return m.Photo() || m.Duration == 0
}

// Photo tells whether the container is one of photos, which may say in EXIF how the
// photo is turned.
func (m Media) Photo() bool {
	return strings.HasSuffix(m.Container, "_pipe") || m.Container == heif
}

// heif is the Container of a HEIC or AVIF picture, and jpeg that of a JPEG.
const (
	heif = "heif"
	jpeg = "jpeg_pipe"
)

// CheckSound returns a fault.InvalidInput when the media has sound only in codecs that
// are not accepted.
func (m Media) CheckSound() error {
	if m.AudioCodec != "" && decoders[m.AudioCodec] == nil {
		return refused("sound", m.AudioCodec)
	}
	return nil
}

// Deinterlaced returns the filters that make whole frames of interlaced video, or none.
// They come before all others.
func (m Media) Deinterlaced() []string {
	if !m.Interlaced {
		return nil
	}
	return []string{"yadif"}
}

// Squared returns the filters that make the pixels of the upright picture square, or
// none if they are square already.
func (m Media) Squared() []string {
	if !m.Squeezed {
		return nil
	}
	return []string{fmt.Sprintf("scale=%d:%d", m.Width, m.Height), "setsar=1"}
}

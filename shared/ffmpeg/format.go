package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"lambdas.internal/shared/fault"
)

// headLength in bytes is enough to tell the format of a file.
const headLength = 1024

// formats are the containers that input may have, by the first bytes of a file, each with
// the name of its demuxer. Playlists and concat scripts are not among them, because they
// could name other files of the machine or network addresses. Naming the demuxer means
// that no other one sees the file. It also helps old versions of ffmpeg: they take a JPEG
// with a clip or a second picture behind it for something else.
var formats = []struct {
	demuxer string
	is      func(head []byte) bool
}{
	{jpeg, starts(0, "\xff\xd8\xff")},
	{"png_pipe", starts(0, "\x89PNG\r\n\x1a\n")},
	{"webp_pipe", func(head []byte) bool { return starts(0, "RIFF")(head) && starts(8, "WEBP")(head) }},
	{"gif", starts(0, "GIF8")},
	{"bmp_pipe", starts(0, "BM")},
	{"tiff_pipe", starts(0, "II*\x00", "MM\x00*")},
	{"mov", starts(4, "ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp")},
	{"matroska", starts(0, "\x1a\x45\xdf\xa3")},
	{"avi", func(head []byte) bool { return starts(0, "RIFF")(head) && starts(8, "AVI ")(head) }},
	{"mpegts", func(head []byte) bool { return packets(head, 0, 188) || packets(head, 4, 192) }},
	{"mpeg", starts(0, "\x00\x00\x01\xba")},
	{"flv", starts(0, "FLV\x01")},
	{"asf", starts(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")},
}

// demuxers is the value of -format_whitelist.
var demuxers = func() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.demuxer)
	}
	return strings.Join(names, ",")
}()

// starts returns a function that tells whether one of the texts stands at an offset.
func starts(offset int, texts ...string) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(texts, func(text string) bool {
			return len(head) >= offset && bytes.HasPrefix(head[offset:], []byte(text))
		})
	}
}

// packets tells whether head has the sync bytes of a transport stream (ISO/IEC 13818-1, 2.4.3.2).
func packets(head []byte, offset, size int) bool {
	for at := offset; at < offset+3*size; at += size {
		if at >= len(head) || head[at] != 'G' {
			return false
		}
	}
	return true
}

// stills are the major brands of files with a still picture (ISO/IEC 23008-12, annex B;
// AVIF 1.1), with the name of the format.
var stills = map[string]string{"heic": "HEIC", "heix": "HEIC", "heim": "HEIC", "heis": "HEIC", "mif1": "HEIC", "avif": "AVIF"}

// source is an input with what its first bytes say.
type source struct {
	address string
	// protocols are those by which ffmpeg may read.
	protocols string
	demuxer   string
	// still is HEIC or AVIF, whose container is that of videos, and empty for all others.
	still string
}

// loopback is how the address of a file begins that this process serves from S3, because
// it is too large for the disk. After it comes a port and a token (storage.Fetch). No other
// address is opened. To read it, ffmpeg needs HTTP and TCP, by which it could reach other
// addresses as well, but only if a file names one: the demuxers in formats follow no
// addresses, and the server does not redirect.
const loopback = "http://127.0.0.1:"

// open reads the head of a file, or of one that this process serves. If it is not a
// picture or video that is accepted, the error is a fault.InvalidInput.
func open(ctx context.Context, path string) (source, error) {
	if strings.HasPrefix(path, loopback) {
		return openServed(ctx, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return source{}, fault.New(fault.Internal, "open the original: %w", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, headLength)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return source{}, fault.New(fault.Internal, "read the original: %w", err)
	}
	return sniff("file:"+path, "file", head[:n])
}

func openServed(ctx context.Context, url string) (source, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return source{}, fault.New(fault.Internal, "open the original: %w", err)
	}
	request.Header.Set("Range", fmt.Sprintf("bytes=0-%d", headLength-1))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return source{}, fault.New(fault.Transient, "open the original: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	head, err := io.ReadAll(io.LimitReader(response.Body, headLength))
	if err != nil {
		return source{}, fault.New(fault.Transient, "read the original: %w", err)
	}
	if response.StatusCode != http.StatusPartialContent {
		return source{}, fault.New(fault.Transient, "read the original: %s", response.Status)
	}
	in, err := sniff(url, "http,tcp", head)
	if err == nil && (in.still != "" || strings.HasSuffix(in.demuxer, "_pipe")) {
		return source{}, fault.New(fault.InvalidInput, "the picture has too many bytes; make it smaller")
	}
	return in, err
}

func sniff(address, protocols string, head []byte) (source, error) {
	if len(head) == 0 {
		return source{}, fault.New(fault.InvalidInput, "the file is empty")
	}
	for _, f := range formats {
		if !f.is(head) {
			continue
		}
		const animation = 2 // of the VP8X chunk's flags (WebP container specification)
		if f.demuxer == "webp_pipe" && len(head) > 20 && starts(12, "VP8X")(head) && head[20]&animation != 0 {
			return source{}, fault.New(fault.InvalidInput, "animated WebP is not supported; convert it to MP4 or GIF")
		}
		in := source{address: address, protocols: protocols, demuxer: f.demuxer}
		if starts(4, "ftyp")(head) && len(head) >= 12 {
			in.still = stills[string(head[8:12])]
		}
		return in, nil
	}
	return source{}, fault.New(fault.InvalidInput, "the file is not a picture or video of a known kind; convert it to JPEG, or to H.264 in MP4")
}

// unknown returns the fault of a picture whose kind the program does not know, if its words
// say that: it took the picture for a video. ffmpeg may be older than ffprobe.
func (s source) unknown(words string) error {
	if s.still == "" || !strings.Contains(words, noIndex) {
		return nil
	}
	return fault.New(fault.InvalidInput, "%s pictures are not supported by the version of ffmpeg here, or the file is not complete; convert the picture to JPEG", s.still)
}

// options come before every input, of ffmpeg and of ffprobe.
func (s source) options() []string {
	pixels := pixelLimit
	if s.demuxer == jpeg {
		pixels = jpegLimit
	}
	return []string{
		"-format_whitelist", demuxers, "-protocol_whitelist", s.protocols, "-codec_whitelist", whitelist,
		"-max_pixels", strconv.Itoa(pixels), "-f", s.demuxer,
	}
}

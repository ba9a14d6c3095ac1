package reference

import (
	"regexp"
	"strings"
)

// Side is where functions run: an account and a region. Several sides may deploy from one
// registry. The zero Side is that of tags and records from before sides were written: they
// may belong to any side.
type Side struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

func (s Side) String() string { return s.Account + "/" + s.Region }

// suffix is the side in a tag.
func (s Side) suffix() string {
	if s == (Side{}) {
		return ""
	}
	return "-" + s.Account + "-" + s.Region
}

// sideEnd matches a side at the end of a text.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
var sideEnd = regexp.MustCompile(`^(.*)-([0-9]{12})-([a-z]+(?:-[a-z]+)+-[0-9]+)$`)

// CutSide takes the side off the end of a text; it is zero if the text has none.
func CutSide(text string) (string, Side) {
	if m := sideEnd.FindStringSubmatch(text); m != nil {
		return m[1], Side{m[2], m[3]}
	}
	return text, Side{}
}

// WithSide is the text with the side at its end, as [CutSide] reads it.
func WithSide(text string, s Side) string { return text + s.suffix() }

// LiveSuffix is the end of the tags of an image that a function runs: see [LiveTag].
const LiveSuffix = "-live"

// LiveTag is the tag of the image that the function of a side runs now. With the longest
// image name and region it has 113 characters, and [ShieldTag] 126; ECR accepts 128.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html
func LiveTag(image string, s Side) string { return WithSide(image, s) + LiveSuffix }

// ShieldTag is a tag of the image with the digest that no other image gets: unlike that of
// [LiveTag] it does not move on when the function is updated, while a version still runs the
// image.
func ShieldTag(image, digest string, s Side) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return WithSide(image+"-"+hex[:min(len(hex), 12)], s) + LiveSuffix
}

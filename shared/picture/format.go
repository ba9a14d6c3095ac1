package picture

import "net/http"

// heifBrands are the major brands of still pictures in the container of videos
// (ISO/IEC 23008-12, annex B; AVIF 1.1).
var heifBrands = map[string]string{
	"heic": "image/heic", "heix": "image/heic", "heim": "image/heic", "heis": "image/heic", "mif1": "image/heic", "avif": "image/avif",
}

// MIMEType returns the type of a file by its first bytes, HEIC and AVIF included.
func MIMEType(head []byte) string {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		if kind := heifBrands[string(head[8:12])]; kind != "" {
			return kind
		}
	}
	return http.DetectContentType(head)
}

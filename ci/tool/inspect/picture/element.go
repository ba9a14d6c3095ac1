package picture

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

// element is an element of an SVG picture.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Raw      string     `xml:",innerxml"`
	Children []*element
}

// el makes an element. The attributes are names and values in turn.
func el(name string, attributes ...string) *element {
	e := &element{XMLName: xml.Name{Local: name}}
	for n := 0; n+1 < len(attributes); n += 2 {
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: attributes[n]}, Value: attributes[n+1]})
	}
	return e
}

func (e *element) add(children ...*element) *element {
	e.Children = append(e.Children, children...)
	return e
}

func written(e *element, text string) *element {
	e.Text = text
	return e
}

// box is a rectangle in pixels.
type box struct{ x, y, w, h float64 }

func (b box) rect(class string, more ...string) *element {
	return el("rect", append([]string{"class", class, "x", px(b.x), "y", px(b.y), "width", px(b.w), "height", px(b.h)}, more...)...)
}

func text(x, y float64, class, content string, more ...string) *element {
	return written(el("text", append([]string{"class", class, "x", px(x), "y", px(y)}, more...)...), content)
}

// px prints a length with at most two decimals.
func px(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// wide estimates the width of a text. The estimate is rather too wide than too narrow,
// because fonts differ.
func wide(content string, size float64) float64 {
	var ems float64
	for _, letter := range content {
		switch {
		case strings.ContainsRune("fijlrt.,:;|!'()[] ", letter):
			ems += 0.38
		case strings.ContainsRune("mwMW@%…", letter):
			ems += 0.95
		case letter >= 'A' && letter <= 'Z', letter > 127:
			ems += 0.72
		default:
			ems += 0.62
		}
	}
	return ems * size
}

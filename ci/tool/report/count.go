package report

import "fmt"

// Count is a number of things in words: "1 image", "5 images".
func Count(n int, noun string) string {
	switch {
	case n == 1:
	case len(noun) > 0 && noun[len(noun)-1] == 'y':
		noun = noun[:len(noun)-1] + "ies"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

package secret

import "bytes"

const (
	// shortest is the length of the shortest run of printable bytes that is scanned: no
	// rule of gitleaks matches fewer than 10 bytes.
	shortest = 10
	// window is how many bytes are scanned at once. A rule runs only on windows with one
	// of its keywords, so small windows are fast. A window overlaps the next one by the
	// length of the longest credential, a private key of 4096 bits in PEM.
	window  = 32 << 10
	overlap = 4 << 10
)

// printable returns the runs of printable ASCII and white space in content.
func printable(content []byte) [][]byte {
	var runs [][]byte
	start := -1
	for i, c := range content {
		text := c >= ' ' && c <= '~' || c == '\n' || c == '\r' || c == '\t'
		switch {
		case text && start < 0:
			start = i
		case !text && start >= 0:
			if i-start >= shortest {
				runs = append(runs, content[start:i])
			}
			start = -1
		}
	}
	if start >= 0 && len(content)-start >= shortest {
		runs = append(runs, content[start:])
	}
	return runs
}

// windows joins runs, one per line, into pieces of about one window. It cuts a longer run
// into pieces that overlap.
func windows(runs [][]byte) [][]byte {
	var pieces [][]byte
	var at bytes.Buffer
	flush := func() {
		if at.Len() > 0 {
			pieces = append(pieces, bytes.Clone(at.Bytes()))
			at.Reset()
		}
	}
	for _, run := range runs {
		if at.Len()+len(run) > window {
			flush()
		}
		for len(run) > window {
			pieces = append(pieces, run[:window])
			run = run[window-overlap:]
		}
		at.Write(run)
		at.WriteByte('\n')
	}
	flush()
	return pieces
}

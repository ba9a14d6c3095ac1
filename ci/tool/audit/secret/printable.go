package secret

import "bytes"

const (
	// shortest is the length of the shortest run of printable bytes that can hold
	// a credential with its name: no rule of gitleaks matches less than 10.
	shortest = 10
	// window is how much is looked at in one go. A rule runs only where one of its
	// keywords is, so small windows are fast; overlap must hold the longest
	// credential, a private key of 4096 bits in PEM.
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

// windows joins runs, a line each, into pieces of about one window; a run that is
// longer is cut into pieces that overlap.
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

// Package secret finds credentials in programs and files before they become part of an
// image. It uses the rules of gitleaks.
package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"

	"lambdas.internal/ci/tool/audit/decode"
)

// Finding is one credential.
type Finding struct {
	// Rule is the gitleaks rule that matched; Description is its description.
	Rule        string
	Description string
	// Offset is the position of the match in the content, in bytes; -1 if the credential
	// was found only after decoding.
	Offset int
	// Line is the line of the match in text, counted from 1.
	Line int
	// Text is what the content has there, encoded if it is so. It is not for people.
	Text string
	// Masked is the credential with all but its first four characters hidden.
	Masked string
}

// Scanner finds credentials. [New] compiles a few hundred patterns, which takes tens of
// milliseconds.
type Scanner struct {
	text, source, program *detect.Detector
	rules                 string
	allowed               []string
}

// New returns a scanner with gitleaks' default rules, ours, and those in the [RulesFile]
// in root.
func New(root string) (*Scanner, error) {
	// The log of gitleaks can contain the credentials that it finds.
	logging.Logger = logging.Logger.Level(zerolog.Disabled)
	r, err := readRules(root)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(r.source))
	return &Scanner{
		text: newDetector(r.Config), source: newDetector(without(r.Config, settings)), program: newDetector(unbounded(r.Config)),
		rules: hex.EncodeToString(sum[:]), allowed: r.allowed,
	}, nil
}

func newDetector(c config.Config) *detect.Detector {
	d := detect.NewDetector(c)
	// A credential with the comment gitleaks:allow would still be in the image.
	d.IgnoreGitleaksAllow = true
	return d
}

// Rules is a digest of the rules in use.
func (s *Scanner) Rules() string { return s.rules }

// Count is the number of rules in use.
func (s *Scanner) Count() int { return len(s.text.Config.Rules) }

// Allowed are the project's own exceptions, in words.
func (s *Scanner) Allowed() []string { return s.allowed }

// Text finds credentials in a file, such as one of settings.
func (s *Scanner) Text(content []byte) []Finding {
	return s.all(s.text, content, [][]byte{content})
}

// Source finds credentials in a Go file.
func (s *Scanner) Source(content []byte) []Finding {
	return s.all(s.source, content, [][]byte{content})
}

// Program finds credentials in the printable strings of a program.
//
// A Go program contains its strings one after another without separators, so a key is
// rarely at a word boundary. Rules that require one are used without it if their
// keywords are distinctive enough. For the same reason a name is not beside its value,
// so the rules that need both are used for sources only.
func (s *Scanner) Program(content []byte) (findings []Finding, examined int) {
	pieces := printable(content)
	for _, p := range pieces {
		examined += len(p)
	}
	return s.all(s.program, content, windows(pieces)), examined
}

// all returns the findings in the pieces of content, and in what is encoded in it.
func (s *Scanner) all(d *detect.Detector, content []byte, pieces [][]byte) []Finding {
	findings := find(d, content, pieces)
	add := func(f Finding) {
		if !slices.ContainsFunc(findings, func(g Finding) bool { return g.Rule == f.Rule && g.Masked == f.Masked }) {
			findings = append(findings, f)
		}
	}
	for _, at := range keys(content) {
		add(derKey(content, at, at))
	}
	for p := range decode.Pieces(content) {
		for _, f := range find(d, p.Content, windows(printable(p.Content))) {
			f.Offset, f.Line, f.Text, f.Description = p.Offset, line(content, p.Offset), start(content, p.Offset), f.Description+" It is "+p.How+"."
			add(f)
		}
		for _, at := range keys(p.Content) {
			add(derKey(content, p.Offset, at))
		}
	}
	return findings
}

func derKey(content []byte, offset, at int) Finding {
	return Finding{Rule: "private-key-der", Description: "A private key in DER.", Offset: offset, Line: line(content, offset), Text: start(content, offset), Masked: fmt.Sprintf("key at byte %d", at)}
}

// start returns what tells an encoded key from others.
func start(content []byte, offset int) string {
	return string(content[offset:min(len(content), offset+48)])
}

func line(content []byte, offset int) int { return 1 + bytes.Count(content[:offset], []byte("\n")) }

// find runs the detector over pieces of content.
func find(d *detect.Detector, content []byte, pieces [][]byte) []Finding {
	var findings []Finding
	for _, piece := range pieces {
		for _, f := range d.DetectBytes(piece) {
			if f.RuleID == nameAndValue && identifier(f.Match, f.Secret) {
				continue
			}
			found := Finding{Rule: f.RuleID, Description: f.Description, Text: f.Match, Masked: mask(f.Secret)}
			if found.Offset = bytes.Index(content, []byte(f.Match)); found.Offset < 0 {
				found.Offset = bytes.Index(content, []byte(f.Secret))
			}
			if found.Offset >= 0 {
				found.Line = line(content, found.Offset)
			}
			if !slices.Contains(findings, found) { // windows overlap
				findings = append(findings, found)
			}
		}
	}
	slices.SortFunc(findings, func(a, b Finding) int { return a.Offset - b.Offset })
	return findings
}

func mask(secret string) string {
	const shown = 4
	if len(secret) <= 2*shown {
		return strings.Repeat("*", len(secret))
	}
	return secret[:shown] + strings.Repeat("*", min(len(secret)-shown, 12))
}

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

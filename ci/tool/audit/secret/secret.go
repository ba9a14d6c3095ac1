// Package secret finds credentials in programs and files before they become part of an
// image. It uses the rules of gitleaks.
package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// RulesFile is the file, relative to the workspace root, with a project's own rules and
// allow lists, in the format of gitleaks. It replaces the default rules, or extends them
// if it contains `[extend] useDefault = true`.
const RulesFile = ".gitleaks.toml"

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
	// Masked is the credential with all but its first four characters hidden.
	Masked string
}

// Scanner finds credentials. [New] compiles a few hundred patterns, which takes tens of
// milliseconds.
type Scanner struct {
	text, program *detect.Detector
	rules         string
}

// New returns a scanner with the rules in the [RulesFile] in root, or gitleaks' default
// rules if there is none.
func New(root string) (*Scanner, error) {
	rules := config.DefaultConfig
	if data, err := catalog.ReadFile(root, RulesFile); err == nil {
		rules = string(data)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the rules for secrets: %w", err)
	}
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(rules)); err != nil {
		return nil, fmt.Errorf("read %s: %w", RulesFile, err)
	}
	var raw config.ViperConfig
	if err := v.Unmarshal(&raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", RulesFile, err)
	}
	// The log of gitleaks can contain the credentials that it finds.
	logging.Logger = logging.Logger.Level(zerolog.Disabled)
	text, err := raw.Translate()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", RulesFile, err)
	}
	if len(text.Rules) == 0 {
		return nil, fmt.Errorf("read %s: it has no rule; add `[extend] useDefault = true`", RulesFile)
	}
	sum := sha256.Sum256([]byte(config.DefaultConfig + rules))
	return &Scanner{
		text: newDetector(text), program: newDetector(unbounded(text)),
		rules: hex.EncodeToString(sum[:]),
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

// Text finds credentials in a text file, or in any other small file.
func (s *Scanner) Text(content []byte) []Finding {
	return find(s.text, content, [][]byte{content})
}

// Program finds credentials in the printable strings of a program.
//
// A Go program contains its strings one after another without separators, so a key is
// rarely at a word boundary. Rules that require one are used without it if their
// keywords are distinctive enough. For the same reason a name is not beside its value,
// so the rule that needs both is used for sources only.
func (s *Scanner) Program(content []byte) (findings []Finding, examined int) {
	pieces := printable(content)
	for _, p := range pieces {
		examined += len(p)
	}
	return find(s.program, content, windows(pieces)), examined
}

// nameAndValue is the rule that finds any value beside a name such as "token".
const nameAndValue = "generic-api-key"

// distinctive is the minimum length of the keywords of a rule that is used without word
// boundaries: the "s." of Vault's tokens is in every program.
const distinctive = 3

// unbounded returns the rules without the word boundaries that they require.
func unbounded(c config.Config) config.Config {
	rules := maps.Clone(c.Rules)
	delete(rules, nameAndValue)
	for id, r := range rules {
		weak := slices.ContainsFunc(r.Keywords, func(k string) bool { return len(k) < distinctive })
		if r.Regex == nil || weak {
			continue
		}
		source := r.Regex.String()
		flags := ""
		if rest, ok := strings.CutPrefix(source, "(?i)"); ok {
			flags, source = "(?i)", rest
		}
		rest, ok := strings.CutPrefix(source, `\b`)
		if !ok {
			continue
		}
		for _, end := range []string{`\b`, `(?:[\x60'"\s;]|\\[nr]|$)`, `(?:[\x60'"\s;]|\\[nr]|$|\b)`} {
			rest = strings.TrimSuffix(rest, end)
		}
		if free, err := regexp.Compile(flags + rest); err == nil {
			r.Regex = free
			rules[id] = r
		}
	}
	c.Rules = rules
	return c
}

// find runs the detector over pieces of content.
func find(d *detect.Detector, content []byte, pieces [][]byte) []Finding {
	var findings []Finding
	for _, piece := range pieces {
		for _, f := range d.DetectBytes(piece) {
			found := Finding{Rule: f.RuleID, Description: f.Description, Masked: mask(f.Secret)}
			if found.Offset = bytes.Index(content, []byte(f.Match)); found.Offset < 0 {
				found.Offset = bytes.Index(content, []byte(f.Secret))
			}
			if found.Offset >= 0 {
				found.Line = 1 + bytes.Count(content[:found.Offset], []byte("\n"))
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

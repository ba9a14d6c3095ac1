package vulncheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// message is a message of govulncheck; exactly one field is set.
// https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck
type message struct {
	Config  *config         `json:"config"`
	SBOM    *sbom           `json:"SBOM"`
	OSV     json.RawMessage `json:"osv"`
	Finding *rawFinding     `json:"finding"`
}

type config struct {
	DBLastModified time.Time `json:"db_last_modified"`
	ScanLevel      string    `json:"scan_level"`
}

type sbom struct {
	Modules []struct{ Path string } `json:"modules"`
}

// entry is the part of the description of a vulnerability that is used.
// https://ossf.github.io/osv-schema
type entry struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases"`
	Summary string   `json:"summary"`
	// raw is the whole description.
	raw json.RawMessage
}

// rawFinding says that a vulnerability affects the program. The trace begins with the
// vulnerable module or package, or with the vulnerable function and then its callers.
type rawFinding struct {
	OSV          string     `json:"osv"`
	FixedVersion string     `json:"fixed_version"`
	Trace        []rawFrame `json:"trace"`
}

type rawFrame struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Package  string `json:"package"`
	Function string `json:"function"`
	Receiver string `json:"receiver"`
	Position *struct {
		Filename string `json:"filename"`
		Line     int    `json:"line"`
	} `json:"position"`
}

// stream has all messages of one run.
type stream struct {
	modified time.Time
	modules  int
	entries  map[string]entry
	findings []rawFinding
}

// readStream reads the messages of one run.
func readStream(r io.Reader) (*stream, error) {
	s := &stream{entries: map[string]entry{}}
	begun := false
	for d := json.NewDecoder(r); ; {
		var m message
		err := d.Decode(&m)
		switch {
		case errors.Is(err, io.EOF) && !begun:
			return nil, errors.New("govulncheck sent no messages")
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, fmt.Errorf("read the messages of govulncheck: %w", err)
		}
		switch {
		case m.Config != nil:
			begun, s.modified = true, m.Config.DBLastModified
		case m.SBOM != nil:
			s.modules = len(m.SBOM.Modules)
		case m.OSV != nil:
			e := entry{raw: m.OSV}
			if err := json.Unmarshal(m.OSV, &e); err != nil {
				return nil, fmt.Errorf("read the vulnerability in a message of govulncheck: %w", err)
			}
			s.entries[e.ID] = e
		case m.Finding != nil:
			if len(m.Finding.Trace) == 0 {
				return nil, fmt.Errorf("govulncheck does not say where the code of %s is", m.Finding.OSV)
			}
			s.findings = append(s.findings, *m.Finding)
		}
	}
}

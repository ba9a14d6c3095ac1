// Package osv reads what the OSV data says about ffmpeg: https://osv.dev.
package osv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Official is the API of osv.dev.
const Official = "https://api.osv.dev"

// Database is the API of OSV, or a folder of its records.
type Database struct {
	address string // of the API; empty for a folder
	folder  string
	client  *http.Client
}

// Open returns the database that text names: the URL of an API, or a folder of records
// such as OSV's all.zip of one ecosystem has. If text is empty, it is the official API.
func Open(text string) (*Database, error) {
	if text == "" {
		text = Official
	}
	scheme, _, ok := strings.Cut(text, "://")
	switch {
	case !ok:
		info, err := os.Stat(text)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s does not exist; pass a folder of OSV records, or the URL of an OSV API", text)
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder; pass a folder of OSV records, or the URL of an OSV API", text)
		}
		return &Database{folder: text}, nil
	case scheme != "https" && scheme != "http":
		return nil, fmt.Errorf("%q is not an OSV API; pass an https URL, or a folder of OSV records", text)
	}
	if _, err := url.Parse(text); err != nil {
		return nil, err
	}
	return &Database{address: strings.TrimRight(text, "/"), client: &http.Client{Timeout: answerTimeout}}, nil
}

// answerTimeout limits one request.
const answerTimeout = 30 * time.Second

// String is the URL or the folder.
func (d *Database) String() string { return d.address + d.folder }

// FFmpeg returns the records that name ffmpeg, without those that were withdrawn. None
// at all is an error, because then no vulnerability would ever be found.
func (d *Database) FFmpeg(ctx context.Context) ([]Record, error) {
	read := d.ask
	if d.folder != "" {
		read = d.walk
	}
	records := map[string]Record{}
	names := 0
	err := read(ctx, func(r Record) {
		if r.namesFFmpeg() {
			names++
			if r.Withdrawn == "" {
				records[r.ID] = r
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if names == 0 {
		return nil, fmt.Errorf("%s has no record of ffmpeg; OSV keeps them in its ecosystems GIT and OSS-Fuzz", d)
	}
	return sorted(records), nil
}

// walk reads the records in the folder.
func (d *Database) walk(ctx context.Context, add func(Record)) error {
	return filepath.WalkDir(d.folder, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(file) != ".json" {
			return errors.Join(err, ctx.Err())
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		// The records of an ecosystem are many, and few are about ffmpeg.
		if !bytes.Contains(bytes.ToLower(data), []byte("ffmpeg")) {
			if !json.Valid(data) {
				return fmt.Errorf("%s is not valid JSON; unpack the folder again", file)
			}
			return ctx.Err()
		}
		var r Record
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("%s is not an OSV record: %w; unpack the folder again", file, err)
		}
		if r.ID == "" {
			return fmt.Errorf("%s is not an OSV record: it has no id", file)
		}
		add(r)
		return ctx.Err()
	})
}

// query asks for all records of a package. It names no version: with one, the API leaves
// out the records that name commits only, and those whose list of versions is older than
// the version.
type query struct {
	Package pkg    `json:"package"`
	Page    string `json:"page_token,omitempty"`
}

// ask reads the records of ffmpeg from the API.
func (d *Database) ask(ctx context.Context, add func(Record)) error {
	for _, p := range packages {
		q := query{Package: p}
		for {
			var answer struct {
				Vulns []Record `json:"vulns"`
				Next  string   `json:"next_page_token"`
			}
			if err := d.post(ctx, q, &answer); err != nil {
				return err
			}
			for _, r := range answer.Vulns {
				add(r)
			}
			if answer.Next == "" {
				break
			}
			if answer.Next == q.Page {
				return fmt.Errorf("%s names the same page of %s again and again", d, p.Name)
			}
			q.Page = answer.Next
		}
	}
	return nil
}

// post sends one query.
func (d *Database) post(ctx context.Context, q query, answer any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.address+"/v1/query", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return fmt.Errorf("%w; to use a folder of OSV records, pass --osv FOLDER", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, largest+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", d, err)
	case response.StatusCode != http.StatusOK:
		text, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
		return fmt.Errorf("%s answers %s: %.200s; to use a folder of OSV records, pass --osv FOLDER", d, response.Status, text)
	case len(data) > largest:
		return fmt.Errorf("the answer of %s is larger than %d MB", d, largest>>20)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the answer of %s is not one of the OSV API: %w", d, err)
	}
	return nil
}

// largest bounds one answer. OSV's own limit for a page is below it.
const largest = 64 << 20

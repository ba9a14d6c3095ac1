package main

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"lambdas.internal/shared/fault"
)

// bodyLimit in bytes is far above any request of this API.
const bodyLimit = 256 << 10

// readable limits the body of a request, and unpacks it if it is compressed. The limit
// holds for both, so that a small body cannot unpack to a large one.
func readable(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return fault.New(fault.InvalidInput, "body: it is not gzip, as its Content-Encoding says: %w", err)
		}
		r.Body = http.MaxBytesReader(w, unpacked, bodyLimit)
	default:
		return fault.New(fault.InvalidInput, "Content-Encoding %q is not accepted; want gzip or none", encoding)
	}
	return nil
}

// decode reads the JSON body of a request. An unknown field is an error, because it is
// probably a typing mistake.
func decode(r *http.Request, v any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return fault.New(fault.InvalidInput, "body: it has more than one JSON value")
	}
	why := "it is not the JSON of this route"
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		why = fmt.Sprintf("%s: the type %s is not what this field holds", cmp.Or(wrong.Field, "the whole"), wrong.Value)
	} else if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		why = fmt.Sprintf("it is not valid JSON at byte %d", syntax.Offset)
	} else if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		why = fmt.Sprintf("it has over %d bytes", tooLarge.Limit)
	} else if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		why = "unknown field " + field
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "the JSON ends too early"
	}
	return fault.New(fault.InvalidInput, "body: %s: %w", why, err)
}

// page returns which part of a list a request asks for: what comes after the cursor, and
// how many entries.
func page(r *http.Request, fallback, most int) (cursor string, limit int, err error) {
	query := r.URL.Query()
	limit = fallback
	if given := query.Get("limit"); given != "" {
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 || limit > most {
			return "", 0, fault.New(fault.InvalidInput, "limit %q: want a number from 1 to %d", given, most)
		}
	}
	return query.Get("cursor"), limit, nil
}

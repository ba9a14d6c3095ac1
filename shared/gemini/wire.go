package gemini

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

// The wire format of generateContent (ai.google.dev/api/generate-content), as far as it is
// used here.

// config is how the model is to answer.
type config struct {
	ResponseModalities []string `json:"responseModalities,omitempty"`
	ResponseMIMEType   string   `json:"responseMimeType,omitempty"`
	ResponseJSONSchema any      `json:"responseJsonSchema,omitempty"`
	Temperature        *float64 `json:"temperature,omitempty"`
}

// answer is what the service sends.
type answer struct {
	Candidates []struct {
		Content struct {
			Parts []part `json:"parts"`
		} `json:"content"`
		FinishReason  string `json:"finishReason"`
		FinishMessage string `json:"finishMessage"`
	} `json:"candidates"`
	PromptFeedback struct {
		BlockReason        string `json:"blockReason"`
		BlockReasonMessage string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
}

// part is a text or a picture of an answer.
type part struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought"`
	Data    *struct {
		MIMEType string `json:"mimeType"`
		Data     []byte `json:"data"`
	} `json:"inlineData"`
}

// request is the body of a call. It has the pictures as they are, and encodes them while it
// is read: a picture is in memory once.
type request struct {
	pieces []any // string or []byte: JSON, or a picture
}

// newRequest returns a request of texts (string) and pictures (Image).
func newRequest(system string, parts []any, c config) (request, error) {
	var r request
	var text strings.Builder
	quote := func(v any) error {
		data, err := json.Marshal(v)
		text.Write(data)
		return err
	}
	text.WriteString(`{"contents":[{"role":"user","parts":[`)
	for n, p := range parts {
		if n > 0 {
			text.WriteByte(',')
		}
		switch p := p.(type) {
		case string:
			text.WriteString(`{"text":`)
			if err := quote(p); err != nil {
				return r, err
			}
			text.WriteByte('}')
		case Image:
			text.WriteString(`{"inlineData":{"mimeType":`)
			if err := quote(p.MIMEType); err != nil {
				return r, err
			}
			text.WriteString(`,"data":"`)
			r.pieces = append(r.pieces, text.String(), p.Data)
			text.Reset()
			text.WriteString(`"}}`)
		}
	}
	text.WriteString(`]}]`)
	if system != "" {
		text.WriteString(`,"systemInstruction":{"parts":[{"text":`)
		if err := quote(system); err != nil {
			return r, err
		}
		text.WriteString(`}]}`)
	}
	text.WriteString(`,"generationConfig":`)
	if err := quote(c); err != nil {
		return r, err
	}
	text.WriteByte('}')
	r.pieces = append(r.pieces, text.String())
	return r, nil
}

// size is how many bytes the body has.
func (r request) size() int64 {
	var n int
	for _, p := range r.pieces {
		switch p := p.(type) {
		case string:
			n += len(p)
		case []byte:
			n += base64.StdEncoding.EncodedLen(len(p))
		}
	}
	return int64(n)
}

// body returns a reader of the body.
func (r request) body() io.ReadCloser {
	var all []io.Reader
	for _, p := range r.pieces {
		switch p := p.(type) {
		case string:
			all = append(all, strings.NewReader(p))
		case []byte:
			all = append(all, &encoder{data: p})
		}
	}
	return io.NopCloser(io.MultiReader(all...))
}

// encoder reads data as base64.
type encoder struct {
	data    []byte
	encoded []byte // what was encoded and not read yet
	space   [8 << 10]byte
}

// Read implements io.Reader.
func (e *encoder) Read(p []byte) (int, error) {
	if len(e.encoded) == 0 {
		n := min(len(e.data), len(e.space)/4*3)
		if n == 0 {
			return 0, io.EOF
		}
		base64.StdEncoding.Encode(e.space[:], e.data[:n])
		e.encoded, e.data = e.space[:base64.StdEncoding.EncodedLen(n)], e.data[n:]
	}
	n := copy(p, e.encoded)
	e.encoded = e.encoded[n:]
	return n, nil
}

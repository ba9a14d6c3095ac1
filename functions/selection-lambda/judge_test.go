package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/picture"
	"lambdas.internal/shared/proprietary/ranking"
)

func TestValidated(t *testing.T) {
	for name, test := range map[string]struct{ answer, says string }{
		"all judged":     {`{"items":[{"id":2,"score":90,"keep":true,"reason":" joy "},{"id":5,"score":0,"keep":false,"reason":"dull"}]}`, ""},
		"one left out":   {`{"items":[{"id":2,"score":90,"keep":true,"reason":"joy"}]}`, "1 of 2"},
		"one invented":   {`{"items":[{"id":2,"score":90},{"id":5,"score":1},{"id":7,"score":1}]}`, "id 7"},
		"one twice":      {`{"items":[{"id":2,"score":90},{"id":2,"score":1}]}`, "id 2"},
		"score too high": {`{"items":[{"id":2,"score":101},{"id":5,"score":1}]}`, "101"},
		"score negative": {`{"items":[{"id":2,"score":-1},{"id":5,"score":1}]}`, "-1"},
		"nothing":        {`{}`, "0 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var got answer
			require.NoError(t, json.Unmarshal([]byte(test.answer), &got))
			judgements, err := validated(got, []int{2, 5})
			if test.says != "" {
				assert.Equal(t, fault.Transient, fault.KindOf(err))
				assert.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, map[int]ranking.Judgement{2: {Score: 90, Keep: true, Reason: "joy"}, 5: {Reason: "dull"}}, judgements)
		})
	}
}

func TestLongReasonIsCut(t *testing.T) {
	var got answer
	require.NoError(t, json.Unmarshal([]byte(`{"items":[{"id":0,"score":1,"reason":"`+strings.Repeat("ü", 200)+`"}]}`), &got))
	judgements, err := validated(got, []int{0})
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("ü", 150)+"…", judgements[0].Reason)
}

func TestPhotoFormats(t *testing.T) {
	for head, want := range map[string]string{
		"\xff\xd8\xff\xe0":               "jpeg",
		"\x89PNG\r\n\x1a\n":              "png",
		"RIFF\x00\x00\x00\x00WEBPVP8 ":   "webp",
		"\x00\x00\x00\x18ftypheic\x00":   "heif",
		"\x00\x00\x00\x18ftypmp42\x00":   "",
		"\x00\x00\x00\x18ftypqt  \x00":   "",
		"RIFF\x00\x00\x00\x00AVI LIST..": "",
		"":                               "",
		"text":                           "",
	} {
		assert.Equal(t, want, photoFormats[picture.MIMEType([]byte(head))], "%q", head)
	}
}

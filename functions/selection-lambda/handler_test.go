package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/geminitest"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/lambdatest"
	"lambdas.internal/shared/leaktest"
	"lambdas.internal/shared/mediatest"
	"lambdas.internal/shared/proprietary/ranking"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// trip stores the media of a trip: a burst of two and another photo in one scene, a clip
// an hour later, a photo of another day, a broken photo, and one without a thumbnail.
func trip(t *testing.T, s3 *awstest.S3) (media, thumbnails []string) {
	t.Helper()
	view := mediatest.Scenery(1, 400, 300)
	add := func(name string, original, thumbnail []byte) {
		media, thumbnails = append(media, "s1/originals/"+name), append(thumbnails, "s1/thumbnails/"+name+".jpg")
		s3.Put(t, media[len(media)-1], original)
		if thumbnail != nil {
			s3.Put(t, thumbnails[len(thumbnails)-1], thumbnail)
		}
	}
	photo := func(name string, data []byte, taken time.Time) { add(name, mediatest.WithEXIF(data, 1, taken), data) }
	photo("best.jpg", mediatest.JPEG(t, view), noon)
	photo("burst.jpg", mediatest.JPEG(t, mediatest.Blurred(mediatest.Moved(view))), noon.Add(time.Second))
	photo("other.jpg", mediatest.JPEG(t, mediatest.Scenery(2, 400, 300)), noon.Add(time.Minute))
	clip := mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=1", "-pix_fmt", "yuv420p",
		"-metadata", "creation_time="+noon.Add(time.Hour).Format(time.RFC3339))
	add("clip.mp4", mediatest.Read(t, clip), mediatest.JPEG(t, mediatest.Scenery(3, 400, 300)))
	photo("nextday.jpg", mediatest.JPEG(t, mediatest.Scenery(4, 400, 300)), noon.Add(24*time.Hour))
	photo("broken.jpg", []byte("\xff\xd8no picture"), noon)
	add("unmade.jpg", mediatest.JPEG(t, view), nil)
	return media, thumbnails
}

func event(t *testing.T, media, thumbnails []string) json.RawMessage {
	t.Helper()
	payload, err := json.Marshal(Request{SessionID: "s1", JobID: "j1", TripContext: "Rome in May", MediaKeys: media, ThumbnailKeys: thumbnails})
	require.NoError(t, err)
	return payload
}

var idLine = regexp.MustCompile(`^id (\d+): (photo|clip), scene (\d+), measured quality \d+$`)

// keepAll keeps every candidate in the request and gives the first one the best score.
func keepAll(asked geminitest.Request) string {
	var items []string
	for _, part := range asked.Contents[0].Parts {
		if m := idLine.FindStringSubmatch(part.Text); m != nil {
			items = append(items, fmt.Sprintf(`{"id":%s,"score":%d,"keep":true,"reason":"because"}`, m[1], 100-10*len(items)))
		}
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

func TestHandle(t *testing.T) {
	mediatest.Tools(t)
	s3, records := awstest.StartS3(t), jobs.New(awstest.StartDynamoDB(t))
	media, thumbnails := trip(t, s3)
	run := func(t *testing.T, answers ...geminitest.Answer) (Result, *geminitest.Server) {
		t.Helper()
		server := geminitest.Start(t, answers...)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, records.Create(t.Context(), "s1", jobs.NewJob("j1", jobs.Selection, media)))
		out, err := lambdaboot.New(Build).Invoke(ctx, event(t, media, thumbnails))
		require.NoError(t, err)
		return out.(Result), server
	}
	byName := func(result Result) map[string]ranking.Verdict {
		got := map[string]ranking.Verdict{}
		for _, v := range result.Media {
			got[strings.TrimPrefix(v.Key, "s1/originals/")] = v
		}
		require.Len(t, got, len(media))
		return got
	}

	t.Run("ranked by the model", func(t *testing.T) {
		result, server := run(t, geminitest.Func(keepAll))
		assert.Equal(t, rankedByModel, result.RankedBy, result.ModelError)
		assert.Equal(t, Counts{Selected: 4, Excluded: 3, SceneGroups: 3}, result.Counts)
		got := byName(result)
		assert.Equal(t, "s1/originals/best.jpg", got["burst.jpg"].DuplicateOf)
		assert.Equal(t, got["best.jpg"].Scene, got["other.jpg"].Scene, "a minute apart")
		assert.NotEqual(t, got["best.jpg"].Scene, got["clip.mp4"].Scene, "an hour apart")
		assert.Contains(t, got["broken.jpg"].Reason, "thumbnail cannot be read")
		assert.Contains(t, got["unmade.jpg"].Reason, "thumbnail cannot be read")
		assert.Equal(t, "because", got["clip.mp4"].Reason)

		asked := server.Requests()[0]
		assert.Contains(t, asked.Contents[0].Parts[0].Text, "Rome in May")
		assert.Len(t, asked.Contents[0].Parts, 1+2*4, "the trip, then a line and a picture for each candidate except the duplicate")
		assert.Contains(t, asked.SystemInstruction.Parts[0].Text, "photo editor")
		assert.Contains(t, string(asked.GenerationConfig), "minimum", "the schema")

		report, err := records.Read(t.Context(), "s1", "j1")
		require.NoError(t, err)
		assert.Equal(t, jobs.Succeeded, report.Status)
		var stored Result
		require.NoError(t, json.Unmarshal([]byte(report.Items[0].Result), &stored))
		assert.Equal(t, result.Counts, stored.Counts)
	})
	for name, answer := range map[string]geminitest.Answer{
		"says no":          geminitest.Blocked("SAFETY"),
		"is cut off":       geminitest.Truncated(),
		"invents an id":    geminitest.Text(`{"items":[{"id":99,"score":1,"keep":true,"reason":"x"}]}`),
		"answers in prose": geminitest.Text("The second one."),
		"is unknown":       geminitest.Status(404, "NOT_FOUND"),
	} {
		t.Run("measures answer when the model "+name, func(t *testing.T) {
			records = jobs.New(awstest.StartDynamoDB(t))
			result, _ := run(t, answer)
			assert.Equal(t, rankedByMeasures, result.RankedBy)
			assert.NotEmpty(t, result.ModelError)
			assert.Equal(t, Counts{Selected: 3, Excluded: 4, SceneGroups: 3}, result.Counts)
			got := byName(result)
			assert.True(t, got["clip.mp4"].Selected)
			assert.True(t, got["nextday.jpg"].Selected)
			assert.NotEqual(t, got["best.jpg"].Selected, got["other.jpg"].Selected, "one of the two is selected")
		})
	}
	t.Run("measures answer in time when the model is slow", func(t *testing.T) {
		records = jobs.New(awstest.StartDynamoDB(t))
		geminitest.Start(t, geminitest.Slow(time.Minute, geminitest.Func(keepAll)))
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		out, err := lambdaboot.New(Build).Invoke(ctx, event(t, media, thumbnails))
		require.NoError(t, err)
		assert.Equal(t, rankedByMeasures, out.(Result).RankedBy)
		assert.Contains(t, out.(Result).ModelError, "DeadlineExceededError")
	})
	t.Run("nothing readable", func(t *testing.T) {
		records = jobs.New(awstest.StartDynamoDB(t))
		geminitest.Start(t, geminitest.Func(keepAll))
		_, err := lambdaboot.New(Build).Invoke(t.Context(), event(t, media[5:], thumbnails[5:]))
		lambdatest.ErrorType(t, fault.InvalidInput, err)
	})
}

func TestMissingConfigurationNamesTheVariable(t *testing.T) {
	mediatest.Tools(t)
	lambdatest.Configuration(t, Build, goodEvent, "MEDIA_BUCKET_NAME")
}

func TestMeasuresAnswerWithoutAModel(t *testing.T) {
	mediatest.Tools(t)
	s3 := awstest.StartS3(t)
	media, thumbnails := trip(t, s3)
	for name, test := range map[string]struct{ key, says string }{
		"no key":           {"", "ConfigurationError: .*GEMINI_API_KEY"},
		"no way to Gemini": {geminitest.Key, "^TransientError: gemini gemini-2.5-flash: [a-z ]+$"},
	} {
		t.Run(name, func(t *testing.T) {
			awstest.StartDynamoDB(t)
			t.Setenv("GEMINI_API_KEY", test.key)
			t.Setenv("SSM_API_KEY_PARAM", "")
			t.Setenv("GOOGLE_GEMINI_BASE_URL", "http://model.invalid")
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			started := time.Now()
			out, err := lambdaboot.New(Build).Invoke(ctx, event(t, media, thumbnails))
			require.NoError(t, err)
			assert.Equal(t, rankedByMeasures, out.(Result).RankedBy)
			assert.Regexp(t, test.says, out.(Result).ModelError)
			assert.Less(t, time.Since(started), 10*time.Second)
		})
	}
}

func TestInvocationsLeaveNothing(t *testing.T) {
	mediatest.Tools(t)
	s3 := awstest.StartS3(t)
	awstest.StartDynamoDB(t)
	media, thumbnails := trip(t, s3)
	geminitest.Start(t, geminitest.Func(keepAll))
	function := lambdaboot.New(Build)
	leaktest.Invocations(t, 200, func(i int) {
		from := 2 + i%2 // with the clip, and without
		request := Request{SessionID: "s1", JobID: fmt.Sprint("j", i), MediaKeys: media[from+1 : 5], ThumbnailKeys: thumbnails[from+1 : 5]}
		payload, err := json.Marshal(request)
		require.NoError(t, err)
		_, err = function.Invoke(t.Context(), payload)
		require.NoError(t, err)
	})
}

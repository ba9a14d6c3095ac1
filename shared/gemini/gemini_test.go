package gemini_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/gemini"
	"lambdas.internal/shared/geminitest"
)

var quick = gemini.Retries{Attempts: 3, FirstDelay: 0.001, MaxDelay: 0.002}

var photo = gemini.Image{Data: []byte("a photo"), MIMEType: "image/jpeg"}

func newClient(t *testing.T, key string) *gemini.Client {
	t.Helper()
	return gemini.New(key, "default-model", quick)
}

func TestEdit(t *testing.T) {
	edited := geminitest.Image([]byte("edited"), "image/png", "Brighter now.")
	for name, test := range map[string]struct {
		answers []geminitest.Answer
		calls   int
		kind    fault.Kind
	}{
		"at once":                   {[]geminitest.Answer{edited}, 1, ""},
		"after 429":                 {[]geminitest.Answer{geminitest.Status(429, "RESOURCE_EXHAUSTED"), edited}, 2, ""},
		"after 500 and 503":         {[]geminitest.Answer{geminitest.Status(500, "INTERNAL"), geminitest.Status(503, "UNAVAILABLE"), edited}, 3, ""},
		"always 429":                {[]geminitest.Answer{geminitest.Status(429, "RESOURCE_EXHAUSTED")}, 3, fault.Transient},
		"always 500":                {[]geminitest.Answer{geminitest.Status(500, "INTERNAL")}, 3, fault.Transient},
		"400 is not retried":        {[]geminitest.Answer{geminitest.Status(400, "INVALID_ARGUMENT")}, 1, fault.InvalidInput},
		"unknown model":             {[]geminitest.Answer{geminitest.Status(404, "NOT_FOUND")}, 1, fault.Configuration},
		"request blocked":           {[]geminitest.Answer{geminitest.Blocked("PROHIBITED_CONTENT")}, 1, fault.SafetyBlocked},
		"answer blocked":            {[]geminitest.Answer{geminitest.Ended("IMAGE_SAFETY", "")}, 1, fault.SafetyBlocked},
		"answer cut by token limit": {[]geminitest.Answer{geminitest.Ended("MAX_TOKENS", "I would")}, 1, fault.Transient},
		"answer cut by the network": {[]geminitest.Answer{geminitest.Truncated()}, 1, fault.Transient},
		"text and no image":         {[]geminitest.Answer{geminitest.Text("I cannot.")}, 1, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			server := geminitest.Start(t, test.answers...)
			got, err := newClient(t, geminitest.Key).Edit(t.Context(), "", "brighten it", photo)
			assert.Len(t, server.Requests(), test.calls)
			assert.Equal(t, test.kind, fault.KindOf(err), err)
			if test.kind == "" {
				assert.Equal(t, gemini.Edited{Image: gemini.Image{Data: []byte("edited"), MIMEType: "image/png"}, Text: "Brighter now."}, got)
			}
		})
	}
}

func TestEditSendsTheInstructionAndNothingElse(t *testing.T) {
	server := geminitest.Start(t, geminitest.Image([]byte("edited"), "image/png", ""))
	_, err := newClient(t, geminitest.Key).Edit(t.Context(), "", "brighten it", photo)
	require.NoError(t, err)
	asked := server.Requests()[0]
	assert.Equal(t, "default-model", asked.Model)
	require.Len(t, asked.Contents, 1)
	require.Len(t, asked.Contents[0].Parts, 2)
	assert.Equal(t, photo.Data, asked.Contents[0].Parts[0].InlineData.Data)
	assert.Equal(t, "image/jpeg", asked.Contents[0].Parts[0].InlineData.MIMEType)
	assert.Equal(t, "brighten it", asked.Contents[0].Parts[1].Text)
	assert.Empty(t, asked.SystemInstruction.Parts)
}

func TestModelOfTheEnvironment(t *testing.T) {
	server := geminitest.Start(t, geminitest.Image([]byte("edited"), "image/png", ""))
	t.Setenv(gemini.ModelVariable, "other-model")
	_, err := newClient(t, geminitest.Key).Edit(t.Context(), "", "x", photo)
	require.NoError(t, err)
	_, err = newClient(t, geminitest.Key).Edit(t.Context(), "third-model", "x", photo)
	require.NoError(t, err)
	assert.Equal(t, "other-model", server.Requests()[0].Model)
	assert.Equal(t, "third-model", server.Requests()[1].Model)
}

func TestAModelWithAnotherNameThanModelsHaveIsNotCalled(t *testing.T) {
	server := geminitest.Start(t, geminitest.Text("x"))
	for _, model := range []string{"../../v1/files", "a b", "a?key=x", "models/a/b", "a:streamGenerateContent", "é"} {
		_, err := newClient(t, geminitest.Key).Edit(t.Context(), model, "x", photo)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), "%s: %v", model, err)
	}
	assert.Empty(t, server.Requests())
}

func TestAnErrorThatIsNoJSON(t *testing.T) {
	geminitest.Start(t, func(w http.ResponseWriter, _ *http.Request, _ geminitest.Request) {
		http.Error(w, "<html>bad</html>", http.StatusBadRequest)
	})
	_, err := newClient(t, geminitest.Key).Edit(t.Context(), "", "x", photo)
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	assert.EqualError(t, err, "gemini default-model: the model refused the request: 400 Bad Request: the service says no more")
}

func TestWrongKeyIsConfiguration(t *testing.T) {
	geminitest.Start(t, geminitest.Text(""))
	_, err := newClient(t, "wrong").Edit(t.Context(), "", "x", photo)
	assert.Equal(t, fault.Configuration, fault.KindOf(err), err)
}

// TestAServiceThatCannotBeReached needs about ten seconds, because the limits are the real ones.
func TestAServiceThatCannotBeReached(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections, and never speaks TLS
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for name, url := range map[string]string{
		"nothing listens":   "http://" + gone.Addr().String(),
		"nothing answers":   "https://" + silent.Addr().String(),
		"an unknown domain": "http://model.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOOGLE_GEMINI_BASE_URL", url)
			t.Setenv("GEMINI_API_KEY", geminitest.Key)
			client, err := gemini.FromEnvironment(t.Context(), "default-model")
			require.NoError(t, err)
			started := time.Now()
			_, err = client.Edit(t.Context(), "", "x", photo)
			assert.Equal(t, fault.Transient, fault.KindOf(err), err)
			assert.Equal(t, "gemini default-model: the service cannot be reached", fault.Message(err))
			assert.Less(t, time.Since(started), 10*time.Second)
		})
	}
}

func TestSlowAnswerEndsWithTheDeadline(t *testing.T) {
	geminitest.Start(t, geminitest.Slow(time.Minute, geminitest.Text("late")))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := newClient(t, geminitest.Key).Edit(ctx, "", "x", photo)
	assert.Equal(t, fault.DeadlineExceeded, fault.KindOf(err), err)
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestAsk(t *testing.T) {
	type answer struct {
		Best int `json:"best"`
	}
	schema := map[string]any{"type": "object"}
	for name, test := range map[string]struct {
		answer geminitest.Answer
		kind   fault.Kind
	}{
		"JSON":           {geminitest.Text(`{"best":3}`), ""},
		"cut JSON":       {geminitest.Text(`{"best":`), fault.Transient},
		"prose":          {geminitest.Text("The third one."), fault.Transient},
		"another type":   {geminitest.Text(`{"best":"three"}`), fault.Transient},
		"blocked":        {geminitest.Blocked("SAFETY"), fault.SafetyBlocked},
		"nothing at all": {func(w http.ResponseWriter, _ *http.Request, _ geminitest.Request) { _, _ = w.Write([]byte(`{}`)) }, fault.Transient},
		"HTML":           {func(w http.ResponseWriter, _ *http.Request, _ geminitest.Request) { _, _ = w.Write([]byte(`<html>`)) }, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			server := geminitest.Start(t, test.answer)
			var got answer
			err := newClient(t, geminitest.Key).Ask(t.Context(), gemini.Question{System: "rank", Parts: []any{"photo 0", photo}, Schema: schema}, &got)
			assert.Equal(t, test.kind, fault.KindOf(err), err)
			asked := server.Requests()[0]
			assert.Equal(t, "rank", asked.SystemInstruction.Parts[0].Text)
			assert.Contains(t, string(asked.GenerationConfig), `"application/json"`)
			if test.kind == "" {
				assert.Equal(t, answer{3}, got)
			}
		})
	}
}

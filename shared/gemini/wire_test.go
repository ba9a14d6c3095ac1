package gemini

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 2, 3, 4, 6143, 6144, 6145, 100_000} {
		picture := make([]byte, size)
		for i := range picture {
			picture[i] = byte(random.Uint32())
		}
		r, err := newRequest(`be "brief"`, []any{"photo <1>\n", Image{picture, "image/png"}, "photo 2", Image{[]byte("x"), "image/jpeg"}}, config{ResponseModalities: []string{"TEXT"}})
		require.NoError(t, err)
		body, err := io.ReadAll(iotest.OneByteReader(r.body()))
		require.NoError(t, err)
		assert.Len(t, body, int(r.size()))
		again, err := io.ReadAll(r.body())
		require.NoError(t, err)
		assert.Equal(t, body, again, "a call that is repeated sends the same")
		var sent struct {
			Contents []struct {
				Role  string
				Parts []struct {
					Text       string
					InlineData struct{ MIMEType, Data string }
				}
			}
			SystemInstruction struct{ Parts []struct{ Text string } }
			GenerationConfig  struct{ ResponseModalities []string }
		}
		require.NoError(t, json.Unmarshal(body, &sent))
		parts := sent.Contents[0].Parts
		require.Len(t, parts, 4)
		assert.Equal(t, "photo <1>\n", parts[0].Text)
		assert.Equal(t, base64.StdEncoding.EncodeToString(picture), parts[1].InlineData.Data)
		assert.Equal(t, "image/png", parts[1].InlineData.MIMEType)
		assert.Equal(t, `be "brief"`, sent.SystemInstruction.Parts[0].Text)
		assert.Equal(t, []string{"TEXT"}, sent.GenerationConfig.ResponseModalities)
	}
}

func TestDelay(t *testing.T) {
	for attempts, seconds := range map[int32]float64{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 99: 10} {
		got := DefaultRetries.delay(attempts).Seconds()
		assert.GreaterOrEqual(t, got, seconds)
		assert.LessOrEqual(t, got, seconds+1)
	}
}

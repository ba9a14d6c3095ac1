// Package prompts chooses the prompts for the models and fills them in. The texts are
// proprietary and must not be in a public image.
package prompts

import (
	_ "embed" // the texts
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
)

//go:embed text/enhance.txt
var enhance string

//go:embed text/select.txt
var selection string

// looks are the ways to enhance a photo that a user can choose from.
var looks = map[string]string{
	"natural":     "Correct white balance, exposure and contrast gently, open the shadows and hold the highlights; the result looks unedited.",
	"vivid":       "Make colours rich and contrast strong, with deep skies and clear greens, but without neon tones or halos.",
	"golden-hour": "Give the light the warmth and softness of the hour before sunset, with long gentle contrast; shadows stay believable.",
	"cinematic":   "Grade it like a feature film: gentle teal in the shadows, warm skin, lower saturation elsewhere, a soft roll-off in the highlights.",
	"monochrome":  "Convert it to black and white with full tonal range, deep blacks, fine grain and good separation of the subject.",
}

// DefaultLook is the look that is used when the user chooses none.
const DefaultLook = "natural"

// wishLimit is how many bytes a user's wish may have.
const wishLimit = 500

// Enhancement returns the instruction for one photo. If the look is unknown, or the wish
// has more than 500 bytes, the error is a fault.InvalidInput.
func Enhancement(look, wish string) (string, error) {
	if look == "" {
		look = DefaultLook
	}
	text, ok := looks[look]
	if !ok {
		return "", fault.New(fault.InvalidInput, "look %q: want one of %s", look, strings.Join(Looks(), ", "))
	}
	if len(wish) > wishLimit {
		return "", fault.New(fault.InvalidInput, "wish has %d bytes; the limit is %d", len(wish), wishLimit)
	}
	if wish = quoted(wish); wish != "" {
		wish = "The owner of the photo also wishes the following. Follow it as far as the rules above allow:\n" + wish
	}
	return fill(enhance, "look", text, "wish", wish), nil
}

// Looks returns the names of all looks in alphabetical order.
func Looks() []string {
	names := make([]string, 0, len(looks))
	for name := range looks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Selection returns the standing instructions for ranking a trip's media.
func Selection() string { return strings.TrimSpace(selection) }

// Trip returns the user's description of the trip, marked as the user's text.
func Trip(description string) string {
	if description = quoted(description); description == "" {
		return "The user gave no description of the trip."
	}
	return "The trip's description:\n" + description
}

// quoted puts a user's text between marks, which it removes from the text itself.
func quoted(text string) string {
	text = strings.TrimSpace(strings.NewReplacer("<<<", "", ">>>", "").Replace(text))
	if text == "" {
		return ""
	}
	return "<<<\n" + text + "\n>>>"
}

// fill replaces each {{name}} with its value in one pass, so that it never treats a
// value as a placeholder. It does not use text/template: that finds methods by name, so
// the linker would have to keep all methods in the binary.
func fill(text string, pairs ...string) string {
	marked := make([]string, len(pairs))
	for i, s := range pairs {
		if marked[i] = s; i%2 == 0 {
			marked[i] = "{{" + s + "}}"
		}
	}
	return strings.TrimSpace(strings.NewReplacer(marked...).Replace(text))
}

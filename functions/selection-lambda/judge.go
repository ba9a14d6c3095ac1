package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/gemini"
	"lambdas.internal/shared/proprietary/prompts"
	"lambdas.internal/shared/proprietary/ranking"
)

const (
	// judgedLimit is how many thumbnails the model gets. With about 30 KB each they take
	// about 3 MB of the 20 MB that a request may have.
	judgedLimit = 80
	// reasonLimit in bytes lets 500 results fit into a record of 400 KB.
	reasonLimit = 300
)

// asker is the part of gemini that the judge needs.
type asker interface {
	Ask(ctx context.Context, q gemini.Question, answer any) error
}

// judge has a model judge candidates.
type judge struct{ asker asker }

// answer is the model's answer in the form of schema.
type answer struct {
	Items []struct {
		ID int `json:"id"`
		ranking.Judgement
	} `json:"items"`
}

// schema is the JSON schema of answer. Gemini gets it, but the answer is checked too.
var schema = map[string]any{
	"type": "object", "required": []string{"items"},
	"properties": map[string]any{"items": map[string]any{
		"type": "array",
		"items": map[string]any{
			"type": "object", "required": []string{"id", "score", "keep", "reason"},
			"properties": map[string]any{
				"id":     map[string]any{"type": "integer"},
				"score":  map[string]any{"type": "integer", "minimum": 0, "maximum": 100},
				"keep":   map[string]any{"type": "boolean"},
				"reason": map[string]any{"type": "string"},
			},
		},
	}},
}

// judge returns the judgement of each candidate in shortlist, by its number in all. If
// the answer leaves one out, or has one that is not in the list, the error is a
// fault.Transient.
func (j judge) judge(ctx context.Context, model, trip string, all []gathered, scenes, shortlist []int) (map[int]ranking.Judgement, error) {
	parts := []any{prompts.Trip(trip)}
	for _, i := range shortlist {
		kind := "photo"
		if all[i].candidate.Clip {
			kind = "clip"
		}
		parts = append(parts,
			fmt.Sprintf("id %d: %s, scene %d, measured quality %.0f", i, kind, scenes[i], 100*all[i].candidate.Measures.Score()),
			gemini.Image{Data: all[i].thumbnail, MIMEType: http.DetectContentType(all[i].thumbnail)})
	}
	var got answer
	if err := j.asker.Ask(ctx, gemini.Question{Model: model, System: prompts.Selection(), Parts: parts, Schema: schema}, &got); err != nil {
		return nil, err
	}
	return validated(got, shortlist)
}

func validated(got answer, shortlist []int) (map[int]ranking.Judgement, error) {
	asked := map[int]bool{}
	for _, i := range shortlist {
		asked[i] = true
	}
	judgements := map[int]ranking.Judgement{}
	for _, item := range got.Items {
		if _, twice := judgements[item.ID]; twice || !asked[item.ID] {
			return nil, fault.New(fault.Transient, "the model judged id %d twice, or was not asked about it", item.ID)
		}
		if item.Score < 0 || item.Score > 100 {
			return nil, fault.New(fault.Transient, "the model gave id %d a score of %d; want 0 to 100", item.ID, item.Score)
		}
		judgement := item.Judgement
		if judgement.Reason = strings.TrimSpace(judgement.Reason); len(judgement.Reason) > reasonLimit {
			judgement.Reason = strings.ToValidUTF8(judgement.Reason[:reasonLimit], "") + "…"
		}
		judgements[item.ID] = judgement
	}
	if len(judgements) != len(shortlist) {
		return nil, fault.New(fault.Transient, "the model judged %d of %d candidates", len(judgements), len(shortlist))
	}
	return judgements, nil
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"lambdas.internal/shared/deadline"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/processor"
	"lambdas.internal/shared/proprietary/ranking"
)

// Values of Result.RankedBy.
const (
	rankedByModel    = "model"
	rankedByMeasures = "measures"
)

// Result says which media were selected and why.
type Result struct {
	JobID string `json:"jobId"`
	// RankedBy is "model", or "measures" when the model failed. ModelError says why.
	RankedBy   string `json:"rankedBy"`
	ModelError string `json:"modelError,omitempty"`
	Counts     Counts `json:"counts"`
	// Media are all media of the job, selected ones first, best first.
	Media []ranking.Verdict `json:"media"`
}

// Counts are the totals of a Result.
type Counts struct {
	Selected    int `json:"selected"`
	Excluded    int `json:"excluded"`
	SceneGroups int `json:"sceneGroups"`
}

type handler struct {
	bucket   string
	jobs     *jobs.Store
	gatherer *gatherer
	judge    judge
}

// Build makes the handler from the environment: that of processor.New, and ffmpeg and
// ffprobe. The model is in GEMINI_API_KEY or SSM_API_KEY_PARAM, and in GEMINI_MODEL; without
// a key, measures alone decide.
func Build(context.Context) (lambdaboot.Handler, error) {
	tools, err := ffmpeg.New()
	if err != nil {
		return nil, err
	}
	b, err := processor.New()
	if err != nil {
		return nil, err
	}
	h := &handler{
		bucket: b.Bucket, jobs: b.Jobs,
		gatherer: &gatherer{objects: b.Objects, tools: tools}, judge: judge{asker: &lazyModel{}},
	}
	return h.Handle, nil
}

// Handle answers a Request with a Result and records it in the job.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var request Request
	return processor.Answer(ctx, h.jobs, payload, &request, func(ctx context.Context, _ processor.Progress) (Result, error) {
		return h.selectMedia(ctx, request)
	})
}

func (h *handler) selectMedia(ctx context.Context, request Request) (Result, error) {
	request.Bucket = cmp.Or(request.Bucket, h.bucket)
	all, err := h.gatherer.gather(ctx, request)
	if err != nil {
		return Result{}, err
	}
	var usable []gathered
	var unreadable []ranking.Verdict
	for _, media := range all {
		if media.unreadable != "" {
			unreadable = append(unreadable, ranking.Verdict{Key: media.candidate.Key, Scene: -1, Reason: media.unreadable})
			continue
		}
		usable = append(usable, media)
	}
	if len(usable) == 0 {
		return Result{}, fault.New(fault.InvalidInput, "none of the job's photos and clips can be read; the first one: %s", unreadable[0].Reason)
	}
	result := h.rank(ctx, request, usable)
	result.Media = append(result.Media, unreadable...)
	result.Counts.Excluded += len(unreadable)
	slog.InfoContext(ctx, "selected", "rankedBy", result.RankedBy, "selected", result.Counts.Selected,
		"excluded", result.Counts.Excluded, "sceneGroups", result.Counts.SceneGroups)
	return result, nil
}

// rank has the model judge the media. If the model fails, or does not answer in time, rank
// uses the measures alone.
func (h *handler) rank(ctx context.Context, request Request, usable []gathered) Result {
	candidates := make([]ranking.Candidate, len(usable))
	for i, media := range usable {
		candidates[i] = media.candidate
	}
	scenes := ranking.Scenes(candidates)
	duplicates := ranking.Duplicates(candidates, scenes)
	shortlist := ranking.Shortlist(candidates, scenes, duplicates, judgedLimit)

	result := Result{JobID: request.JobID, RankedBy: rankedByModel}
	limited, cancel := deadline.WithReserve(ctx)
	judgements, err := h.judge.judge(limited, request.Model, request.TripContext, usable, scenes, shortlist)
	cancel()
	if err != nil {
		slog.WarnContext(ctx, "the model failed; ranked by measures alone", "errorType", string(fault.KindOf(err)), "error", err.Error())
		result.RankedBy, result.ModelError = rankedByMeasures, fmt.Sprintf("%s: %s", fault.KindOf(err), fault.Message(err))
		judgements = nil
	}
	result.Media = ranking.Decide(candidates, scenes, duplicates, judgements)
	groups := map[int]bool{}
	for _, verdict := range result.Media {
		groups[verdict.Scene] = true
		if verdict.Selected {
			result.Counts.Selected++
		} else {
			result.Counts.Excluded++
		}
	}
	result.Counts.SceneGroups = len(groups)
	return result
}

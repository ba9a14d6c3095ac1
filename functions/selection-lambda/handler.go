package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"lambdas.internal/shared/deadline"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/logging"
	"lambdas.internal/shared/picture"
	"lambdas.internal/shared/proprietary/ranking"
	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/storage"
)

// Ranked is one photo or clip with its measures.
type Ranked struct {
	Key      string           `json:"key"`
	Score    float64          `json:"score"`
	Measures ranking.Measures `json:"measures"`
}

type handler struct {
	bucket  string
	objects *storage.Store
	tools   *ffmpeg.Tools
}

// Build makes the handler from the environment.
func Build(context.Context) (lambdaboot.Handler, error) {
	bucket, err := settings.Required(settings.MediaBucket)
	if err != nil {
		return nil, err
	}
	tools, err := ffmpeg.New()
	if err != nil {
		return nil, err
	}
	store, err := storage.New()
	if err != nil {
		return nil, err
	}
	h := &handler{bucket: bucket, objects: store, tools: tools}
	return h.Handle, nil
}

// Handle answers a Request with its media, best first.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	request, err := ParseEvent(payload)
	if err != nil {
		return nil, err
	}
	if request.Bucket == "" {
		request.Bucket = h.bucket
	}
	ctx = logging.With(ctx, logging.Session(request.SessionID), slog.String("jobId", request.JobID))
	work, cancel := deadline.WithReserve(ctx)
	defer cancel()
	ranked, err := h.rank(work, request)
	if err != nil {
		return nil, fmt.Errorf("selection %s: %w", request.JobID, err)
	}
	return map[string][]Ranked{"ranked": ranked}, nil
}

func (h *handler) rank(ctx context.Context, request Request) ([]Ranked, error) {
	dir, err := os.MkdirTemp("", "selection-")
	if err != nil {
		return nil, fault.New(fault.Internal, "make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ranked := make([]Ranked, len(request.MediaKeys))
	for i, key := range request.MediaKeys {
		path := filepath.Join(dir, strconv.Itoa(i))
		if _, err := h.objects.Download(ctx, request.Bucket, request.ThumbnailKeys[i], path, 5<<20); err != nil {
			return nil, err
		}
		if _, err := h.tools.Probe(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: %w", request.ThumbnailKeys[i], err)
		}
		img, err := picture.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", request.ThumbnailKeys[i], err)
		}
		measures, err := ranking.Measure(img)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", request.ThumbnailKeys[i], err)
		}
		ranked[i] = Ranked{Key: key, Score: measures.Score(), Measures: measures}
	}
	slices.SortStableFunc(ranked, func(a, b Ranked) int { return cmp.Compare(b.Score, a.Score) })
	return ranked, nil
}

package main

import (
	"context"
	"sync"

	"lambdas.internal/shared/invoke"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/presign"
	"lambdas.internal/shared/sessions"
	"lambdas.internal/shared/sessiontoken"
	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/storage"
	"lambdas.internal/shared/table"
)

// Variables that only the API reads.
const (
	originSecretVariable      = "ORIGIN_VERIFY_SECRET"
	thumbnailFunctionVariable = "THUMBNAIL_FUNCTION_NAME"
	selectionFunctionVariable = "SELECTION_FUNCTION_NAME"
	enhanceFunctionVariable   = "ENHANCE_FUNCTION_NAME"
	videoFunctionVariable     = "VIDEO_FUNCTION_NAME"
)

// functionVariables are the variables that name the processor of each kind of job. A
// processor is the Lambda function that works on its items.
var functionVariables = map[jobs.Kind]string{
	jobs.Thumbnail:   thumbnailFunctionVariable,
	jobs.Selection:   selectionFunctionVariable,
	jobs.Enhancement: enhanceFunctionVariable,
	jobs.Video:       videoFunctionVariable,
}

// starter hands an event to a processor without waiting for it.
type starter interface {
	Start(ctx context.Context, function string, event any) error
}

// backend is what the routes work with.
type backend struct {
	bucket       string
	originSecret string
	functions    map[jobs.Kind]string
	sessions     *sessions.Store
	jobs         *jobs.Store
	objects      *storage.Store
	signer       *presign.Signer
	tokens       *sessiontoken.Signer
	starter      starter
}

// newBackend makes the backend from the environment. If a variable is missing, the error
// is a fault.Configuration that names the first missing one.
func newBackend() (*backend, error) {
	b := &backend{functions: map[jobs.Kind]string{}}
	var err error
	if b.originSecret, err = settings.Required(originSecretVariable); err != nil {
		return nil, err
	}
	if b.bucket, err = settings.Required(settings.MediaBucket); err != nil {
		return nil, err
	}
	for _, kind := range []jobs.Kind{jobs.Thumbnail, jobs.Selection, jobs.Enhancement, jobs.Video} {
		if b.functions[kind], err = settings.Required(functionVariables[kind]); err != nil {
			return nil, err
		}
	}
	records, err := table.New()
	if err != nil {
		return nil, err
	}
	if b.objects, err = storage.New(); err != nil {
		return nil, err
	}
	if b.signer, err = presign.New(b.bucket); err != nil {
		return nil, err
	}
	if b.starter, err = invoke.New(); err != nil {
		return nil, err
	}
	b.sessions, b.jobs, b.tokens = sessions.New(records), jobs.New(records), sessiontoken.New(b.originSecret)
	return b, nil
}

// lazyBackend makes the backend when it is first needed, and tries again after a failure.
// So the API starts and answers /health even without configuration.
type lazyBackend struct {
	mu   sync.Mutex
	made *backend
}

func (l *lazyBackend) get() (*backend, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made == nil {
		made, err := newBackend()
		if err != nil {
			return nil, err
		}
		l.made = made
	}
	return l.made, nil
}

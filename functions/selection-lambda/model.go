package main

import (
	"context"
	"sync"

	"lambdas.internal/shared/gemini"
)

// lazyModel is the model of the environment. It is found when it is first asked, and after
// a failure it is looked for again, so that a selection needs no model.
type lazyModel struct {
	mu    sync.Mutex
	found *gemini.Client
}

// Ask implements asker.
func (m *lazyModel) Ask(ctx context.Context, q gemini.Question, answer any) error {
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	return client.Ask(ctx, q, answer)
}

func (m *lazyModel) client(ctx context.Context) (*gemini.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found == nil {
		client, err := gemini.FromEnvironment(ctx, gemini.DefaultTextModel)
		if err != nil {
			return nil, err
		}
		m.found = client
	}
	return m.found, nil
}

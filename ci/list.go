package main

import "context"

// List shows the functions, their images and where each is published.
func (m *Ci) List(ctx context.Context) (string, error) {
	return output(ctx, m.run(m.step(m.golang(), m.described()), "list"))
}

package main

import "context"

// List shows the functions, their images, and the registry of each image with the reason.
func (m *Ci) List(ctx context.Context) (string, error) {
	return output(ctx, m.run(m.step(m.golang(), m.described()), "list"))
}

package invoke

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Once unpacks an image into a temporary folder, starts its binary and hands it one
// event.
func Once(ctx context.Context, unpack func(target string) error, event []byte, o Options) (r Response, err error) {
	root, err := os.MkdirTemp("", "ci-invoke-*")
	if err != nil {
		return r, fmt.Errorf("invoke %s: %w", o.Name, err)
	}
	defer os.RemoveAll(root)
	if err := unpack(root); err != nil {
		return r, err
	}
	function, err := Start(root, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, function.Stop()) }()
	if r, err = function.Invoke(ctx, event); err != nil {
		return r, fmt.Errorf("invoke %s: %w", o.Name, err)
	}
	return r, nil
}

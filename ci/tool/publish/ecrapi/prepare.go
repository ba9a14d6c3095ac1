package ecrapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Prepare checks that the repositories of the functions exist. With create it creates
// those that are missing; in a dry run it changes nothing. It returns those that
// were, or would be, created.
func Prepare(ctx context.Context, private *ecr.Client, public *ecrpublic.Client, functions []catalog.Function, create, dryRun bool) ([]string, error) {
	wanted, err := Missing(ctx, private, public, Want(functions))
	if err != nil {
		return nil, err
	}
	var created []string
	var errs []error
	for _, w := range wanted {
		switch {
		case !w.Missing:
			continue
		case !create && !dryRun:
			errs = append(errs, fmt.Errorf("publish to the %s repository %s: it does not exist; create it with --create-repositories", w.Tier, w.Name))
		case !dryRun:
			errs = append(errs, Create(ctx, private, public, w))
		}
		created = append(created, fmt.Sprintf("%s (%s)", w.Name, w.Tier))
	}
	return created, errors.Join(errs...)
}

package ecrapi

import (
	"errors"

	"github.com/aws/smithy-go"
)

// The errors by which both APIs, private and public, say that a repository is missing or
// exists already.
const (
	notFound      = "RepositoryNotFoundException"
	alreadyExists = "RepositoryAlreadyExistsException"
)

// is tells whether AWS answered with the error of that code.
func is(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}

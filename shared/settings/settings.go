// Package settings reads a function's configuration from its environment.
package settings

import (
	"os"

	"lambdas.internal/shared/fault"
)

// Variables that more than one function reads.
const (
	MediaBucket   = "MEDIA_BUCKET_NAME"
	SessionsTable = "DYNAMO_TABLE_NAME"
)

// DefaultSessionsTable is the table used when DYNAMO_TABLE_NAME is not set.
const DefaultSessionsTable = "media-selection-sessions"

// Required returns the value of the variable. If it is not set or empty, the error is a
// fault.Configuration that names it.
func Required(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	return "", fault.New(fault.Configuration, "environment variable %s is not set", name)
}

// Optional returns the value of the variable, or fallback if it is not set or empty.
func Optional(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

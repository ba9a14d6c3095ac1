// Package shared is the parent folder of the packages that the Lambda functions
// share. Each package has one role, so that a function's binary holds only what it
// uses. Code and texts that must never be public are in shared/proprietary.
package shared

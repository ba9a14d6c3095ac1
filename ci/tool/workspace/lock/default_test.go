package lock_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// A new workspace starts from the pins of this one.
func TestDefault(t *testing.T) {
	own, err := lock.Load("../../../..")
	require.NoError(t, err)
	content := testkit.Source(t, "../../../..", lock.File)
	copied, err := os.ReadFile("default.json")
	require.NoError(t, err)
	assert.Equal(t, string(content), string(copied), "copy the lock file: cp ci/images.lock.json ci/tool/workspace/lock/default.json")

	same := lock.Default(testkit.Toolchain())
	assert.Equal(t, own.Base, same.Base)
	assert.Equal(t, own.Static, same.Static)
	other := lock.Default("go1.25.0")
	assert.Equal(t, lock.Image{Reference: "docker.io/library/golang:1.25.0-bookworm"}, other.Builder, "nobody knows its digest")
}

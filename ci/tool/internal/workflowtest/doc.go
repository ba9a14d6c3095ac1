// Package workflowtest runs the workflows of GitHub Actions in a public runner, act, and the
// commands of CodeBuild in a shell, on clones of this repository: make test-workflows.
//
// The commands are the real ones. Stand-ins take the place of the actions of others, of AWS
// and its registries, which a proxy answers by their real names, of gh, and of dagger for what
// needs AWS or where no engine is. make test and make check run, but do nothing: other tests hold what they do.
package workflowtest

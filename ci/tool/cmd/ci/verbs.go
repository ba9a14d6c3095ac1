//go:build !steps

package main

import "github.com/spf13/cobra"

// verbs are the commands whose libraries take long to compile: the Dagger module
// compiles the steps of a build without them, with the build tag steps.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{newUp(a), newAudit(a), newPublish(a), newPlan(a), newDeploy(a), newRollback(a), newStatus(a), newRegistry(a), newRetention(a), newNew(a), newCost(a)}
}

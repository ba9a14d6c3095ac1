//go:build !steps

package main

import "github.com/spf13/cobra"

// verbs are the commands whose libraries take long to compile. The Dagger module compiles
// the program without them, with the build tag steps.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		newNew(a), newUp(a),
		newAudit(a), newVulncheck(a), newDiff(a), newCost(a), newSBOM(a),
		newPlan(a), newPublish(a), newVerify(a), newProvenance(a), newRegistry(a), newRetention(a),
		newDeploy(a), newRollback(a), newStatus(a),
	}
}

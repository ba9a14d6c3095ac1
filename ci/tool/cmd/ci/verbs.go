//go:build !steps

package main

import "github.com/spf13/cobra"

// verbs are the commands of [rest], whose libraries take long to compile.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		newAudit(a), newVulncheck(a), newDiff(a), newCost(a), newColdStart(a), newSBOM(a),
		newPlan(a), newPublish(a), newVerify(a), newProvenance(a), newRegistry(a), newRetention(a),
		newDeploy(a), newRollback(a), newStatus(a), newIAM(a), newReport(a),
		newInit(a), newNew(a), newRename(a), newRemove(a),
	}
}

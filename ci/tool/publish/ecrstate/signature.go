package ecrstate

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/report"
)

// Signature is one that ECR makes of an image, in the name of who pushed it.
type Signature struct {
	Repository string `json:"repository"`
	// Region is that of the repository, if there are several.
	Region string `json:"region,omitempty"`
	Digest string `json:"digest"`
	// Profile is the signing profile of AWS Signer.
	Profile string `json:"profile"`
	// State is COMPLETE, IN_PROGRESS, FAILED or another that AWS has added, and Reason why it failed.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// PrintSignatures says how many signatures ECR has made, and which are not there.
func PrintSignatures(w io.Writer, all []Signature) {
	made := 0
	for _, s := range all {
		where, region := s.Repository, ""
		if s.Region != "" {
			where, region = s.Repository+" of "+s.Region, " --region "+s.Region
		}
		what := fmt.Sprintf("%s in %s with the profile %s", report.Digest(s.Digest), where, s.Profile)
		switch s.State {
		case "COMPLETE":
			made++
		case "IN_PROGRESS":
			fmt.Fprintf(w, "! ECR is still signing %s; to look again: aws ecr describe-image-signing-status%s --repository-name %s --image-id imageDigest=%s\n", what, region, s.Repository, s.Digest)
		default:
			fmt.Fprintf(w, "! ECR has not signed %s: %s: %s; whoever pushes needs signer:SignPayload for the profile; then push again under another commit\n", what, s.State, report.Line(s.Reason))
		}
	}
	if made > 0 {
		fmt.Fprintf(w, "ECR has made %s\n", report.Count(made, "signature"))
	}
}

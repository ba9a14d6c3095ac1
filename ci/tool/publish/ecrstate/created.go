package ecrstate

import (
	"fmt"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Created is a repository that did not exist.
type Created struct {
	Repository string           `json:"repository"`
	Tier       catalog.Registry `json:"registry"`
	// Region is that of a private repository, if there are several.
	Region string `json:"region,omitempty"`
	// By is who creates it, if publish does not.
	By string `json:"by,omitempty"`
}

// Line says what happened to the repository, or in a dry run would.
func (c Created) Line(dryRun bool) string {
	name := fmt.Sprintf("%s (%s)", c.Repository, c.Tier)
	if c.Region != "" {
		name = fmt.Sprintf("%s (%s, %s)", c.Repository, c.Tier, c.Region)
	}
	switch {
	case c.By != "" && dryRun:
		return fmt.Sprintf("repository is missing: %s; %s creates it", name, c.By)
	case c.By != "":
		return fmt.Sprintf("repository %s: created by %s", name, c.By)
	case dryRun:
		return "repository is missing (--create-repositories creates it): " + name
	default:
		return "created repository " + name
	}
}

package awsfake

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// The limits of AWS.
const (
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
	maxIDs, defaultPage, maxPage = 100, 100, 1000
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
	maxTags, maxRules = 1000, 50
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html
	minPolicy, maxPolicy = 100, 30720
	// https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
	versionPage = 50
)

// textLimits are the lengths of the texts about a public repository.
// https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_RepositoryCatalogDataInput.html
var textLimits = map[string]int{"description": 1024, "aboutText": 10240, "usageText": 10240}

// pageOf returns how many images a request for images asks for.
func pageOf(input map[string]any) int {
	if n, ok := input["maxResults"].(float64); ok {
		return int(n)
	}
	return defaultPage
}

// exceeded returns the failure of a request that exceeds a limit of ECR.
func exceeded(input map[string]any) Failure {
	invalid := func(field, constraint string) Failure {
		return Failure{http.StatusBadRequest, "InvalidParameterException",
			fmt.Sprintf("Invalid parameter at '%s' failed to satisfy constraint: '%s'", field, constraint)}
	}
	for _, field := range []string{"imageIds", "layerDigests", "repositoryNames"} {
		if list, ok := input[field].([]any); ok && (len(list) == 0 || len(list) > maxIDs) {
			return invalid(field, fmt.Sprintf("Member must have length between 1 and %d", maxIDs))
		}
	}
	if size := pageOf(input); size < 1 || size > maxPage {
		return invalid("maxResults", fmt.Sprintf("Member must have value between 1 and %d", maxPage))
	}
	if input["imageIds"] != nil && (input["nextToken"] != nil || input["maxResults"] != nil) {
		return invalid("imageIds", "imageIds cannot be specified together with nextToken or maxResults")
	}
	if text, ok := input["lifecyclePolicyText"].(string); ok {
		var policy struct{ Rules []any }
		switch err := json.Unmarshal([]byte(text), &policy); {
		case len(text) < minPolicy || len(text) > maxPolicy:
			return invalid("LifecyclePolicyText", fmt.Sprintf("Member must have length between %d and %d", minPolicy, maxPolicy))
		case err != nil || len(policy.Rules) == 0 || len(policy.Rules) > maxRules:
			return invalid("LifecyclePolicyText", fmt.Sprintf("Lifecycle policy validation failure: there must be 1 to %d rules", maxRules))
		}
	}
	about, _ := input["catalogData"].(map[string]any)
	for field, limit := range textLimits {
		if text, _ := about[field].(string); len(text) > limit {
			return invalid("catalogData."+field, fmt.Sprintf("Member must have length less than or equal to %d", limit))
		}
	}
	return Failure{}
}

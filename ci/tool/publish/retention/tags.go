package retention

import (
	"fmt"

	"lambdas.internal/ci/tool/report"
)

// maxTags is how many tags an image has at most, and manyTags from how many on retention
// warns. No rule removes tags: lifecycle policies count images.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const maxTags, manyTags = 1000, 900

// warnings names the images that soon have too many tags. api is the name of the API in
// the command line of AWS.
func warnings(api, repository string, images []Image) (all []string) {
	for _, i := range images {
		if n := len(i.Tags); n >= manyTags {
			all = append(all, fmt.Sprintf("%s: %s has %d tags, such as %s; AWS accepts %d, and then a publish of it fails; %s",
				repository, report.Digest(i.Digest), n, i.Tags[0], maxTags, untag(api, repository)))
		}
	}
	return all
}

// untag says how to remove a tag.
func untag(api, repository string) string {
	return fmt.Sprintf("remove tags of old commits: aws %s batch-delete-image --repository-name %s --image-ids imageTag=TAG", api, repository)
}

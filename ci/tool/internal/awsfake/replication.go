package awsfake

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Home is the region of the stand-in, from which it replicates.
const Home = "eu-central-1"

// Replication is how the registry of [Home] copies images to other regions.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
type Replication struct {
	Rules []Rule
	// Looks is how often the status of an image is IN_PROGRESS before it is COMPLETE.
	Looks int
	// Broken has, by region, the failure code with which each replication there ends.
	Broken map[string]string
	// Copy puts an image with its tags into the registry of the region, which is a server of its own.
	Copy func(region, repository, digest string, tags []string)
}

// Rule is one rule of a replication: to which regions, and the prefixes of the repositories; none
// are all.
type Rule struct{ Regions, Prefixes []string }

// replica is how far the replication of an image is. The rules are those when it was pushed.
type replica struct {
	rules  []Rule
	looks  map[string]int // by region
	copied map[string]bool
}

// key is that of a repository.
func (a *AWS) key(region, tier, name string) string {
	if a.Regional && tier == Private {
		tier += " in " + region
	}
	return tier + "/" + name
}

// RemoveIn removes a private repository of a region.
func (a *AWS) RemoveIn(region, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.repos, a.key(region, Private, name))
}

var ecrHost = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.`)

// regionOf is the region of a registry by the name of its host.
func regionOf(host string) string {
	if m := ecrHost.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return Home
}

func (a *AWS) describeRegistry(w http.ResponseWriter, region string) {
	rules := []any{}
	for _, rule := range a.Replication.Rules {
		if region != Home {
			break
		}
		destinations, filters := []any{}, []any{}
		for _, to := range rule.Regions {
			destinations = append(destinations, map[string]any{"region": to, "registryId": Account})
		}
		for _, prefix := range rule.Prefixes {
			filters = append(filters, map[string]any{"filter": prefix, "filterType": "PREFIX_MATCH"})
		}
		rules = append(rules, map[string]any{"destinations": destinations, "repositoryFilters": filters})
	}
	write(w, map[string]any{"registryId": Account, "replicationConfiguration": map[string]any{"rules": rules}})
}

// replicationStatus answers how far the replication of an image is, and goes on with it.
func (a *AWS) replicationStatus(w http.ResponseWriter, call Call, input map[string]any) {
	name, _ := input["repositoryName"].(string)
	id, _ := input["imageId"].(map[string]any)
	digest, _ := id["imageDigest"].(string)
	key := a.key(call.Region, Private, name)
	repository := a.repos[key]
	if repository == nil {
		fail(w, call.Operation, Failure{http.StatusBadRequest, "RepositoryNotFoundException", "The repository with name '" + name + "' does not exist"})
		return
	}
	found, ok := repository.find([]any{id})
	if !ok {
		fail(w, call.Operation, Failure{http.StatusBadRequest, "ImageNotFoundException", "The image does not exist within the repository with name '" + name + "'"})
		return
	}
	statuses := []any{}
	if of := a.replicas[key+"@"+digest]; of != nil {
		for _, rule := range of.rules {
			if len(rule.Prefixes) > 0 && !slices.ContainsFunc(rule.Prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
				continue
			}
			for _, region := range rule.Regions {
				statuses = append(statuses, a.replicate(of, region, name, found[0]))
			}
		}
	}
	write(w, map[string]any{"repositoryName": name, "imageId": id, "replicationStatuses": statuses})
}

// replicate goes on with the replication of an image to a region, and returns its status.
func (a *AWS) replicate(of *replica, region, name string, image Image) map[string]any {
	status := map[string]any{"region": region, "registryId": Account, "status": "IN_PROGRESS"}
	code, broken := a.Replication.Broken[region]
	switch of.looks[region]++; {
	case of.looks[region] <= a.Replication.Looks:
	case broken:
		status["status"], status["failureCode"] = "FAILED", code
	default:
		status["status"] = "COMPLETE"
		if of.copied[region] {
			break
		}
		of.copied[region] = true
		key := a.key(region, Private, name)
		if a.repos[key] == nil { // replication makes it
			a.repos[key] = &Repository{}
		}
		if _, there := a.repos[key].find([]any{map[string]any{"imageDigest": image.Digest}}); there { // pushed there meanwhile
			break
		}
		image.Tags = slices.Clone(image.Tags)
		a.repos[key].Images = append(a.repos[key].Images, image)
		a.Replication.Copy(region, name, image.Digest, image.Tags)
	}
	return status
}

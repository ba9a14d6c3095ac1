package awsfake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Pushed is a fault for a registry that stands in for ECR's, of the tier, at the prefix of its
// paths: the repositories of the stand-in get what is pushed to the registry, and a push that
// exceeds the limit of tags is refused.
func (a *AWS) Pushed(tier, prefix string, w http.ResponseWriter, r *http.Request) (refused bool) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/"+prefix)
	name, reference, is := strings.Cut(path, "/manifests/")
	if r.Method != http.MethodPut || !ok || !is {
		return false
	}
	manifest, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(manifest))
	if message := a.push(regionOf(r.Host), tier, name, reference, manifest); message != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		write(w, map[string]any{"errors": []any{map[string]any{"code": "DENIED", "message": message}}})
		return true
	}
	return false
}

// Push pushes a small manifest to a private repository of the region [Home], and returns its digest.
func (a *AWS) Push(name, tag string) (digest string) {
	manifest := []byte(`{"schemaVersion":2}`)
	a.push(Home, Private, name, tag, manifest)
	sum := sha256.Sum256(manifest)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// push adds a manifest under a tag or its digest. It returns the message of a refusal.
func (a *AWS) push(region, tier, name, reference string, manifest []byte) (refusal string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := a.key(region, tier, name)
	repository := a.repos[key]
	if repository == nil { // only the registry has it
		return ""
	}
	sum := sha256.Sum256(manifest)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	at := slices.IndexFunc(repository.Images, func(i Image) bool { return i.Digest == digest })
	if at < 0 {
		at = len(repository.Images)
		repository.Images = append(repository.Images, Image{Digest: digest, Manifest: string(manifest), Pushed: time.Now(), Size: int64(len(manifest))})
	}
	if a.Regional && tier == Private && region == Home && a.replicas[key+"@"+digest] == nil {
		a.replicas[key+"@"+digest] = &replica{rules: a.Replication.Rules, looks: map[string]int{}, copied: map[string]bool{}}
	}
	image := &repository.Images[at]
	if reference == digest || slices.Contains(image.Tags, reference) {
		return ""
	}
	if len(image.Tags) >= maxTags {
		return fmt.Sprintf("The image with digest '%s' in the repository with name '%s' already has the maximum allowed number of tags which is '%d'", digest, name, maxTags)
	}
	for n := range repository.Images {
		repository.Images[n].Tags = slices.DeleteFunc(repository.Images[n].Tags, func(t string) bool { return t == reference })
	}
	image.Tags = append(image.Tags, reference)
	return ""
}

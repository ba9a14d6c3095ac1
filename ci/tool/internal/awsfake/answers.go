package awsfake

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer carries out an operation.
func (a *AWS) answer(w http.ResponseWriter, r *http.Request, call Call, input map[string]any) {
	operation := call.Operation
	service, verb, _ := strings.Cut(operation, ".")
	switch service {
	case "sts":
		w.Header().Set("Content-Type", "text/xml")
		if verb == "AssumeRole" {
			if code, asked := input["TokenCode"]; asked && code != Code {
				fail(w, operation, Failure{http.StatusForbidden, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "})
				return
			}
			fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
				`<AccessKeyId>ASIATEST</AccessKeyId><SecretAccessKey>the-secret-key-that-nobody-may-see</SecretAccessKey><SessionToken>the-session-that-nobody-may-see</SessionToken>`+
				`<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::%s:user/test</Arn><UserId>AIDATEST</UserId><Account>%s</Account>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`, Account, Account)
		return
	case "lambda":
		a.lambda(w, r, call.Region, verb)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	tier := Private
	if service == "ecrpublic" {
		tier = Public
	}
	switch verb {
	case "GetAuthorizationToken":
		if tier == Private {
			write(w, map[string]any{"authorizationData": []any{a.token()}})
		} else {
			write(w, map[string]any{"authorizationData": a.token()})
		}
		return
	case "DescribeRegistry":
		a.describeRegistry(w, call.Region)
		return
	case "DescribeImageReplicationStatus":
		a.replicationStatus(w, call, input)
		return
	case "DescribeRepositoryCreationTemplates":
		write(w, map[string]any{"registryId": Account, "repositoryCreationTemplates": append([]map[string]any{}, a.Templates...)})
		return
	case "DescribeRegistries":
		write(w, map[string]any{"registries": []any{map[string]any{"registryId": Account, "verified": true, "aliases": []any{
			map[string]any{"name": "other", "status": "ACTIVE"},
			map[string]any{"name": Alias, "status": "ACTIVE", "primaryRegistryAlias": true, "defaultRegistryAlias": true},
		}}}})
		return
	}
	name, _ := input["repositoryName"].(string)
	if names, ok := input["repositoryNames"].([]any); ok {
		name = names[0].(string)
	}
	key := a.key(call.Region, tier, name)
	repository := a.repos[key]
	if verb == "CreateRepository" {
		if repository != nil {
			fail(w, operation, Failure{http.StatusBadRequest, "RepositoryAlreadyExistsException", "The repository with name '" + name + "' already exists"})
			return
		}
		a.repos[key] = &Repository{Input: input}
		write(w, map[string]any{"repository": map[string]any{"repositoryName": name}})
		return
	}
	if repository == nil {
		fail(w, operation, Failure{http.StatusBadRequest, "RepositoryNotFoundException", "The repository with name '" + name + "' does not exist"})
		return
	}
	a.repository(w, operation, verb, name, repository, input)
}

func (a *AWS) repository(w http.ResponseWriter, operation, verb, name string, repository *Repository, input map[string]any) {
	switch verb {
	case "DescribeRepositories":
		described := map[string]any{"repositoryName": name, "registryId": Account}
		for _, field := range []string{"imageTagMutability", "imageTagMutabilityExclusionFilters"} {
			if value, ok := repository.Input[field]; ok {
				described[field] = value
			}
		}
		write(w, map[string]any{"repositories": []any{described}})
	case "DescribeImages":
		if ids, ok := input["imageIds"].([]any); ok {
			found, ok := repository.find(ids)
			if !ok {
				fail(w, operation, Failure{http.StatusBadRequest, "ImageNotFoundException", "The image with imageId " + fmt.Sprint(ids) + " does not exist within the repository with name '" + name + "'"})
				return
			}
			write(w, map[string]any{"imageDetails": details(found)})
			return
		}
		start, size := token(input["nextToken"]), min(a.PageSize, pageOf(input))
		images := slices.DeleteFunc(slices.Clone(repository.Images), func(i Image) bool { return i.Status != "" && !anyStatus(input) })
		out := map[string]any{"imageDetails": details(page(images, start, size))}
		repository.activate()
		if next := start + size; next < len(images) {
			out["nextToken"] = strconv.Itoa(next)
		}
		write(w, out)
	case "DescribeImageScanFindings":
		write(w, a.Scan)
	case "DescribeImageSigningStatus":
		states := []map[string]any{}
		if len(a.Signing) > 0 {
			states = a.Signing[0]
			a.Signing = a.Signing[min(1, len(a.Signing)-1):]
		}
		write(w, map[string]any{"repositoryName": name, "imageId": input["imageId"], "signingStatuses": states})
	case "UpdateImageStorageClass":
		for n, i := range repository.Images {
			if i.Digest == input["imageId"].(map[string]any)["imageDigest"] && i.Status == "ARCHIVED" && input["targetStorageClass"] == "STANDARD" {
				repository.Images[n].Status = "ACTIVATING"
				write(w, map[string]any{"imageStatus": "ACTIVATING"})
				return
			}
		}
		fail(w, operation, Failure{http.StatusBadRequest, "ImageStorageClassUpdateNotSupportedException", "The image is not archived"})
	case "BatchDeleteImage":
		write(w, repository.remove(input["imageIds"].([]any)))
	case "BatchGetImage":
		write(w, repository.get(input["imageIds"].([]any)))
	case "PutImage":
		tag := input["imageTag"].(string)
		for n, i := range repository.Images {
			if i.manifest() != input["imageManifest"] {
				continue
			}
			if slices.Contains(i.Tags, tag) {
				fail(w, operation, Failure{http.StatusBadRequest, "ImageAlreadyExistsException", "Image with digest and tag exists"})
				return
			}
			if len(i.Tags) >= maxTags {
				fail(w, operation, Failure{http.StatusBadRequest, "LimitExceededException", "The image has reached the limit of tags"})
				return
			}
			repository.Images[n].Tags = append(repository.Images[n].Tags, tag)
		}
		write(w, map[string]any{"image": map[string]any{}})
	case "GetLifecyclePolicy":
		if repository.Policy == "" {
			fail(w, operation, Failure{http.StatusBadRequest, "LifecyclePolicyNotFoundException", "Lifecycle policy does not exist"})
			return
		}
		write(w, map[string]any{"lifecyclePolicyText": repository.Policy})
	case "PutLifecyclePolicy":
		repository.Policy = input["lifecyclePolicyText"].(string)
		write(w, map[string]any{"repositoryName": name})
	default:
		panic("no stand-in for " + operation)
	}
}

// latestPublished is the version that calls without a qualifier run on Managed Instances.
const latestPublished = "$LATEST.PUBLISHED"

// anyStatus tells whether a call asks for archived images too.
func anyStatus(input map[string]any) bool {
	filter, _ := input["filter"].(map[string]any)
	return filter["imageStatus"] == "ANY"
}

// activate ends what UpdateImageStorageClass began.
func (r *Repository) activate() {
	for n, i := range r.Images {
		if i.Status == "ACTIVATING" {
			r.Images[n].Status = ""
		}
	}
}

// details are how DescribeImages describes images.
func details(images []Image) (all []any) {
	for _, i := range images {
		all = append(all, map[string]any{
			"imageDigest": i.Digest, "imageTags": i.Tags,
			"imagePushedAt": float64(i.Pushed.UnixMilli()) / 1000, "imageSizeInBytes": i.Size, "imageStatus": cmp.Or(i.Status, "ACTIVE"),
		})
	}
	return all
}

// find returns the images with the digests; ok is false if one does not exist.
func (r *Repository) find(ids []any) (found []Image, ok bool) {
	for _, id := range ids {
		n := slices.IndexFunc(r.Images, func(i Image) bool { return i.Digest == id.(map[string]any)["imageDigest"] })
		if n < 0 {
			return nil, false
		}
		found = append(found, r.Images[n])
	}
	return found, true
}

func (i Image) manifest() string { return cmp.Or(i.Manifest, i.Digest) }

// get returns images by digest.
func (r *Repository) get(ids []any) map[string]any {
	byDigest := map[any]Image{}
	for _, i := range r.Images {
		byDigest[i.Digest] = i
	}
	var images, failures []any
	for _, id := range ids {
		if i, ok := byDigest[id.(map[string]any)["imageDigest"]]; ok {
			images = append(images, map[string]any{"imageId": id, "imageManifest": i.manifest(),
				"imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json"})
		} else {
			failures = append(failures, map[string]any{"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
		}
	}
	return map[string]any{"images": images, "failures": failures}
}

// remove deletes images by digest, or removes a tag. An image without tags is deleted too.
func (r *Repository) remove(ids []any) map[string]any {
	var failures []any
	for _, id := range ids {
		id := id.(map[string]any)
		tag, byTag := id["imageTag"].(string)
		found := slices.IndexFunc(r.Images, func(i Image) bool {
			return byTag && slices.Contains(i.Tags, tag) || !byTag && i.Digest == id["imageDigest"]
		})
		if found < 0 {
			failures = append(failures, map[string]any{"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
			continue
		}
		if byTag && len(r.Images[found].Tags) > 1 {
			r.Images[found].Tags = slices.DeleteFunc(r.Images[found].Tags, func(t string) bool { return t == tag })
			continue
		}
		r.Images = slices.Delete(r.Images, found, found+1)
	}
	return map[string]any{"imageIds": ids, "failures": failures}
}

func (a *AWS) lambda(w http.ResponseWriter, r *http.Request, region, verb string) {
	w.Header().Set("Content-Type", "application/json")
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/")
	versions, ok := a.functions[a.named(region, name)]
	if !ok {
		fail(w, "lambda."+verb, Failure{http.StatusNotFound, "ResourceNotFoundException", "Function not found: arn:aws:lambda:" + region + ":123456789012:function:" + name})
		return
	}
	if verb == "ListVersionsByFunction" {
		// The version that Managed Instances run is not listed, but named.
		_, instances := versions[latestPublished]
		all := slices.DeleteFunc(slices.Sorted(maps.Keys(versions)), func(v string) bool { return v == latestPublished })
		start, size := token(r.URL.Query().Get("Marker")), min(a.PageSize, versionPage)
		var list []any
		for _, v := range page(all, start, size) {
			kind := "Image"
			if versions[v] == "" {
				kind = "Zip"
			}
			described := map[string]any{"FunctionName": name, "Version": v, "PackageType": kind}
			if instances {
				described["CapacityProviderConfig"] = map[string]any{}
			}
			list = append(list, described)
		}
		out := map[string]any{"Versions": list}
		if next := start + size; next < len(all) {
			out["NextMarker"] = strconv.Itoa(next)
		}
		write(w, out)
		return
	}
	digest := versions[r.URL.Query().Get("Qualifier")]
	code := map[string]any{"RepositoryType": "ECR"}
	if digest != "unknown" {
		code["ImageUri"], code["ResolvedImageUri"] = "registry/repository:tag", "registry/repository@"+digest
	}
	write(w, map[string]any{"Code": code, "Configuration": map[string]any{"FunctionName": name, "LastModified": time.Now().Format(time.RFC3339)}})
}

func token(v any) int {
	text, _ := v.(string)
	n, _ := strconv.Atoi(text)
	return n
}

func page[T any](all []T, start, size int) []T {
	return all[min(start, len(all)):min(start+size, len(all))]
}

package provenance

import "strings"

// Local is the builder ID for a build outside a CI service.
const Local = "https://lambdas.internal/ci/builder/local"

// Builder is the machine or service that built the image.
type Builder struct {
	// ID names the builder, and Invocation its run, both as URIs.
	ID         string
	Invocation string
	// Repository is the address from which the CI service fetched the sources; empty if
	// it is unknown.
	Repository string
}

// BuilderOf returns the builder from the environment variables: GitHub Actions, AWS
// CodeBuild, or [Local].
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
func BuilderOf(getenv func(string) string) Builder {
	if server, repository := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY"); server != "" && repository != "" {
		b := Builder{ID: server + "/" + repository, Repository: server + "/" + repository}
		if workflow := getenv("GITHUB_WORKFLOW_REF"); workflow != "" {
			b.ID = server + "/" + workflow
		}
		if run := getenv("GITHUB_RUN_ID"); run != "" {
			b.Invocation = server + "/" + repository + "/actions/runs/" + run
			if attempt := getenv("GITHUB_RUN_ATTEMPT"); attempt != "" {
				b.Invocation += "/attempts/" + attempt
			}
		}
		return b
	}
	if arn := getenv("CODEBUILD_BUILD_ARN"); arn != "" {
		// arn:aws:codebuild:region:account:build/project:id, where id is the run.
		project := arn
		if at := strings.LastIndex(arn, ":"); strings.Contains(arn, ":build/") && at > strings.Index(arn, ":build/")+1 {
			project = strings.Replace(arn[:at], ":build/", ":project/", 1)
		}
		return Builder{ID: project, Invocation: arn, Repository: Public(getenv("CODEBUILD_SOURCE_REPO_URL"))}
	}
	return Builder{ID: Local}
}

// Public returns the address of a repository without a login in it, so that it can be
// published. It returns "" for a folder of this machine.
func Public(remote string) string {
	if scheme, rest, ok := strings.Cut(remote, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		host = withoutUser(host)
		if scheme == "file" || host == "" {
			return ""
		}
		return scheme + "://" + host + "/" + strings.TrimSuffix(path, ".git")
	}
	// user@host:path, the format of ssh.
	host, path, ok := strings.Cut(remote, ":")
	if !ok || strings.Contains(host, "/") {
		return ""
	}
	return "ssh://" + withoutUser(host) + "/" + strings.TrimSuffix(path, ".git")
}

// withoutUser removes the login before a host.
func withoutUser(host string) string { return host[strings.LastIndex(host, "@")+1:] }

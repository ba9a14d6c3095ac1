package provenance

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Local is the builder ID for a build outside a CI service, by a pipeline without an
// identity of its own.
const Local = Identity + local

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
	if server, repository := clean(getenv("GITHUB_SERVER_URL")), getenv("GITHUB_REPOSITORY"); server != "" && repository != "" {
		server = strings.TrimSuffix(server, "/")
		at := clean(server + "/" + repository)
		b := Builder{ID: at, Repository: at}
		if workflow := getenv("GITHUB_WORKFLOW_REF"); workflow != "" {
			b.ID = clean(server + "/" + workflow)
		}
		if run := getenv("GITHUB_RUN_ID"); run != "" {
			b.Invocation = at + "/actions/runs/" + run
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
		return Builder{ID: project, Invocation: arn, Repository: Address(getenv("CODEBUILD_SOURCE_REPO_URL"))}
	}
	return Builder{ID: Local}
}

// scp matches user@host:path, the short format of ssh.
var scp = regexp.MustCompile(`^(?:[^@/:]*@)?([\w.-]+):([\w./~+-]+)(?:[?#].*)?$`)

// Address returns the address of a repository without user, query and fragment: any of them
// can hold a login. It returns "" for a folder of this machine, and for what it cannot read.
func Address(remote string) string {
	if m := scp.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		remote = "ssh://" + m[1] + "/" + strings.TrimPrefix(m[2], "/")
	}
	return strings.TrimSuffix(clean(remote), ".git")
}

// clean returns a URL without user, query and fragment; "" if it is no address of a server.
func clean(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"https", "http", "ssh", "git"}, u.Scheme) {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Package awsfake is a stand-in for the parts of AWS that the tool uses: ECR, ECR Public,
// STS and Lambda. Tests and internal/standin use it. It speaks their wire formats and
// returns their errors. It checks neither permissions nor signatures.
package awsfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Account and Alias are those of the stand-in.
const (
	Account = "123456789012"
	Alias   = "alias"
)

// Code is the only MFA code that the stand-in accepts.
const Code = "123456"

// The tiers of repositories.
const (
	Private = "private"
	Public  = "public"
)

// Failure is an error in an answer of AWS.
type Failure struct {
	Status  int
	Code    string // the exception's name
	Message string
}

// Errors with the texts of AWS.
var (
	AccessDenied = Failure{http.StatusBadRequest, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/test is not authorized"}
	ExpiredToken = Failure{http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired"}
	Throttling   = Failure{http.StatusBadRequest, "ThrottlingException", "Rate exceeded"}
	Internal     = Failure{http.StatusInternalServerError, "ServerException", "Internal failure"}
)

// Image is an image in a repository of the stand-in.
type Image struct {
	Digest string
	Tags   []string
	Pushed time.Time
	Size   int64
	// Status is ACTIVE, if it is empty, ARCHIVED or ACTIVATING: that becomes ACTIVE after one look.
	Status string
	// Manifest is what BatchGetImage returns; by default the digest.
	Manifest string
}

// Repository is a repository of the stand-in.
type Repository struct {
	// Input is the request that created it.
	Input  map[string]any
	Policy string
	Images []Image
}

// Call is one call that arrived.
type Call struct {
	Operation string // service.Operation
	Region    string // of the signature
	Account   string // that the call names; "" is that of the credentials
}

// AWS is a running stand-in.
type AWS struct {
	URL string
	// PageSize limits how many images and versions one answer lists; AWS has limits too.
	PageSize int
	// Scan is what the registry has found in each image, in the form of the API.
	Scan map[string]any
	// Signing has the states of the signatures that the registry makes of each image, one call
	// after another, in the form of the API. The last one stays.
	Signing [][]map[string]any
	// Templates are the repository creation templates, in the form of the API.
	Templates []map[string]any
	// Regional gives each region private repositories and functions of its own. Without it, all share
	// them.
	Regional bool
	// Replication is what [Home] copies to other regions.
	Replication Replication
	// Answer, if set, is asked about each call, without a lock. A failure with a status
	// is the answer.
	Answer func(Call) Failure

	mu        sync.Mutex
	passwords []string
	repos     map[string]*Repository // by key
	replicas  map[string]*replica    // by the key of the repository at Home, @ and the digest
	functions map[string]map[string]string
	failures  map[string][]Failure
	calls     []Call
}

// proxy is the variable that leads a process to other hosts.
const proxy = "HTTPS_PROXY"

// Start starts a stand-in that ends with the test.
func Start(t testing.TB) *AWS {
	t.Helper()
	a := Handler()
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.URL = s.URL
	return a
}

// New starts a stand-in that ends with the test, and sets the environment variables so that
// this process uses it. It may reach other hosts: a process reads its proxy once, not in each test.
func New(t testing.TB) *AWS {
	t.Helper()
	a := Start(t)
	if set, ok := t.(interface{ Setenv(string, string) }); ok {
		environment := a.Environment()
		delete(environment, proxy)
		for name, value := range environment {
			set.Setenv(name, value)
		}
	}
	return a
}

// Handler returns a stand-in without a server: serve it as an [http.Handler].
func Handler() *AWS {
	return &AWS{PageSize: 2, repos: map[string]*Repository{}, replicas: map[string]*replica{}, functions: map[string]map[string]string{}, failures: map[string][]Failure{}}
}

// Environment returns the variables that make any program use the stand-in.
func (a *AWS) Environment() map[string]string {
	return map[string]string{
		proxy:              a.URL, // the way to other hosts: there is none
		"AWS_ENDPOINT_URL": a.URL, "AWS_REGION": Home, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "the-secret-key-that-nobody-may-see",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
	}
}

// Fail makes the next calls of an operation fail, one after another.
func (a *AWS) Fail(operation string, failures ...Failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures[operation] = append(a.failures[operation], failures...)
}

// Add creates a repository with images, a private one in the region [Home].
func (a *AWS) Add(tier, name string, images ...Image) { a.AddIn(Home, tier, name, images...) }

// AddIn creates a repository with images in a region.
func (a *AWS) AddIn(region, tier, name string, images ...Image) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.repos[a.key(region, tier, name)] = &Repository{Images: slices.Clone(images)}
}

// Repository returns a repository, a private one of the region [Home]; nil if it does not exist.
func (a *AWS) Repository(tier, name string) *Repository { return a.RepositoryIn(Home, tier, name) }

// RepositoryIn returns a repository of a region; nil if it does not exist.
func (a *AWS) RepositoryIn(region, tier, name string) *Repository {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.repos[a.key(region, tier, name)]
}

// Run makes a version of a function run a digest; "" means that it runs no image. The function is in
// the region [Home].
func (a *AWS) Run(function, version, digest string) { a.RunIn(Home, function, version, digest) }

// RunIn is [AWS.Run] in a region.
func (a *AWS) RunIn(region, function, version, digest string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	function = a.named(region, function)
	if a.functions[function] == nil {
		a.functions[function] = map[string]string{}
	}
	a.functions[function][version] = digest
}

// named is the key of a function.
func (a *AWS) named(region, function string) string {
	if a.Regional && region != Home {
		return region + "/" + function
	}
	return function
}

// Stop deletes a version of a function. The function stays, even without versions.
func (a *AWS) Stop(function, version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.functions[function], version)
}

// Remove deletes a function.
func (a *AWS) Remove(function string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.functions, function)
}

// Calls returns the calls of an operation; "" means all operations.
func (a *AWS) Calls(operation string) []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.calls), func(c Call) bool { return operation != "" && c.Operation != operation })
}

// Passwords returns the passwords of all tokens so far.
func (a *AWS) Passwords() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.passwords)
}

var scope = regexp.MustCompile(`Credential=[^/]*/[0-9]*/([^/]*)/`)

// ServeHTTP answers one call.
func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect { // no test may reach a registry of AWS itself
		http.Error(w, "the stand-in leads to no other host", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller was killed
	}
	c := Call{}
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		c.Region = found[1]
	}
	input := map[string]any{}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(target, "AmazonEC2ContainerRegistry_V20150921."):
		c.Operation = "ecr" + target[strings.LastIndex(target, "."):]
	case strings.HasPrefix(target, "SpencerFrontendService."):
		c.Operation = "ecrpublic" + target[strings.LastIndex(target, "."):]
	case strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/"):
		c.Operation = "lambda.GetFunction"
		if strings.HasSuffix(r.URL.Path, "/versions") {
			c.Operation = "lambda.ListVersionsByFunction"
		}
	default:
		form, _ := url.ParseQuery(string(body))
		c.Operation = "sts." + form.Get("Action")
		for key := range form {
			input[key] = form.Get(key)
		}
	}
	if target != "" {
		if err := json.Unmarshal(body, &input); err != nil {
			panic(fmt.Errorf("%s: %w", target, err))
		}
	}
	c.Account, _ = input["registryId"].(string)
	refusal := Failure{}
	if a.Answer != nil {
		refusal = a.Answer(c)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
	if refusal.Status == 0 {
		refusal = exceeded(input)
	}
	if refusal.Status != 0 {
		fail(w, c.Operation, refusal)
		return
	}
	if next := a.failures[c.Operation]; len(next) > 0 {
		a.failures[c.Operation] = next[1:]
		fail(w, c.Operation, next[0])
		return
	}
	a.answer(w, r, c, input)
}

// fail answers with an error in the format of the service.
func fail(w http.ResponseWriter, operation string, f Failure) {
	if strings.HasPrefix(operation, "sts.") {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, f.Code, f.Message)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-ErrorType", f.Code)
	w.WriteHeader(f.Status)
	write(w, map[string]string{"__type": f.Code, "message": f.Message})
}

func write(w io.Writer, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// token returns a login with a new password.
func (a *AWS) token() map[string]any {
	password := fmt.Sprintf("password-%d-that-nobody-may-see", len(a.passwords)+1)
	a.passwords = append(a.passwords, password)
	return map[string]any{
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
		"expiresAt":          float64(time.Now().Add(12 * time.Hour).Unix()),
		"proxyEndpoint":      "https://" + Account + ".dkr.ecr.eu-central-1.amazonaws.com",
	}
}

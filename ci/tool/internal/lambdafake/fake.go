// Package lambdafake is AWS Lambda for tests: its wire format over loopback, with
// functions that take their time, fail, conflict and are throttled as told.
package lambdafake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region and Account are where the functions are.
const (
	Region  = "eu-central-1"
	Account = "123456789012"
)

// Call is one call that arrived.
type Call struct {
	// Operation is named as in the API, such as UpdateFunctionCode.
	Operation, Function string
	// URI is the image of an update, DryRun tells one that is only asked about.
	URI    string
	DryRun bool
	// Count is how many calls of the operation came for the function, this one
	// included; dry runs are counted on their own.
	Count int
}

// Reply says how a call goes. The zero value lets it succeed.
type Reply struct {
	// Status and Code refuse the call.
	Status  int
	Code    string
	Message string
	// Drop closes the connection instead of answering, after the call was carried
	// out.
	Drop bool
	// Fail makes the update end as Failed, for the reason.
	Fail string
	// Takes is how long the update takes, instead of the fake's own time.
	Takes time.Duration
	// Error makes an invocation report an error of the function.
	Error string
	// Before is called before the call is carried out.
	Before func()
}

// Function is one function.
type Function struct {
	Name, PackageType, Architecture string
	// Image is repository@digest.
	Image         string
	State, Reason string
	// Versions are the images of published versions, Aliases the versions they name.
	Versions []string
	Aliases  map[string]string

	revision int
	update   string
	why      string
	next     string // the image after the update that is under way
	fails    string
	ends     time.Time
}

// Fake is the service.
type Fake struct {
	// URL is what AWS_ENDPOINT_URL says.
	URL string
	// Takes is how long an update takes.
	Takes time.Duration
	// Answer, if set, says how a call goes. It is called without any lock held.
	Answer func(Call) Reply
	// HasImage tells whether the image, repository@digest, is there; by default all
	// are.
	HasImage func(uri string) bool

	mu        sync.Mutex
	functions map[string]*Function
	calls     []Call
	counts    map[string]int
	server    *httptest.Server
}

// New starts the service.
func New(t testing.TB) *Fake {
	t.Helper()
	f := &Fake{functions: map[string]*Function{}, counts: map[string]int{}, Takes: time.Millisecond}
	f.server = httptest.NewServer(f)
	f.URL = f.server.URL
	t.Cleanup(f.server.Close)
	return f
}

// Add makes a function of the image, for x86_64.
func (f *Fake) Add(name, image string) *Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := &Function{Name: name, PackageType: "Image", Architecture: "x86_64", Image: image, State: "Active", update: "Successful", Aliases: map[string]string{}}
	f.functions[name] = fn
	return fn
}

// Change changes a function, as another user would: it has another revision then.
func (f *Fake) Change(name string, change func(*Function)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.functions[name])
	f.functions[name].revision++
}

// Remove deletes a function.
func (f *Fake) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.functions, name)
}

// Image returns the image that a function runs; while an update is under way, or
// when it failed, that is still the former one.
func (f *Fake) Image(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.functions[name].advance()
	return f.functions[name].Image
}

// Alias returns the image that an alias leads to, or nothing if there is none.
func (f *Fake) Alias(name, alias string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := f.functions[name]
	version, ok := fn.Aliases[alias]
	if !ok {
		return ""
	}
	return fn.at(version)
}

// Calls returns the calls of an operation, dry runs left out.
func (f *Fake) Calls(operation string) []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []Call
	for _, c := range f.calls {
		if c.Operation == operation && !c.DryRun {
			calls = append(calls, c)
		}
	}
	return calls
}

// Env sets the environment that leads every AWS client here.
func (f *Fake) Env(t testing.TB) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": f.URL, "AWS_REGION": Region,
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
}

// advance ends an update whose time is over.
func (fn *Function) advance() {
	if fn.update != "InProgress" || time.Now().Before(fn.ends) {
		return
	}
	fn.revision++
	if fn.fails != "" {
		fn.update, fn.why = "Failed", fn.fails
		return
	}
	fn.update, fn.why, fn.Image, fn.State = "Successful", "", fn.next, "Active"
}

// at returns the image of a version; an empty one is $LATEST.
func (fn *Function) at(version string) string {
	if n, err := strconv.Atoi(version); err == nil && n <= len(fn.Versions) {
		return fn.Versions[n-1]
	}
	return fn.Image
}

func (fn *Function) arn() string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", Region, Account, fn.Name)
}

// note counts the call and asks how it goes.
func (f *Fake) note(c Call) Reply {
	f.mu.Lock()
	key := fmt.Sprint(c.Operation, c.Function, c.DryRun)
	f.counts[key]++
	c.Count = f.counts[key]
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if f.Answer == nil {
		return Reply{}
	}
	return f.Answer(c)
}

// ServeHTTP answers one call.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/") {
		f.serveLambda(w, r)
		return
	}
	serveOthers(w, r)
}

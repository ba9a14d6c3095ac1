// Package lambdafake is a stand-in for AWS Lambda in tests. It speaks the wire format of
// Lambda on localhost. A test decides how long updates last, and which calls fail, conflict
// or are throttled.
package lambdafake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Region and Account are those of the functions, by default: see [Fake.In].
const (
	Region  = "eu-central-1"
	Account = "123456789012"
)

// Call is one call that arrived.
type Call struct {
	// Operation is the name in the API, such as UpdateFunctionCode.
	Operation, Function string
	// URI is the image of an update. DryRun is true for an update that is only checked.
	URI    string
	DryRun bool
	// Qualifier and Tenant are those of an invocation.
	Qualifier, Tenant string
	// Count is how many calls of the operation arrived for the function, including this
	// one. Dry runs are counted separately.
	Count int
}

// Reply says how the call is answered. With the zero value it succeeds.
type Reply struct {
	// Status and Code refuse the call.
	Status  int
	Code    string
	Message string
	// Drop carries out the call and then closes the connection without an answer.
	Drop bool
	// Fail makes the update end as Failed, with this reason.
	Fail string
	// Takes is how long the update lasts; 0 means [Fake.Takes].
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
	// Instances makes it run on Lambda Managed Instances: its calls run Published, and an update
	// alone changes nothing that anyone sees.
	Instances bool
	// Tenants makes each call name a tenant, and Durable a version.
	Tenants, Durable bool
	Published        string
	// Versions has the images of the published versions, Aliases the version of each alias,
	// and Weights the shares of other versions.
	Versions []string
	Aliases  map[string]string
	Weights  map[string]map[string]float64

	// Role, Memory and Timeout are those with which it was made.
	Role            string
	Memory, Timeout int

	descriptions map[int]string // of versions

	account, region string
	// routed counts the changes of aliases: it is their revision.
	routed int

	revision int
	update   string
	why      string
	next     string // the image after the running update
	publish  bool   // as the latest published version, when it has ended
	fails    string
	ends     time.Time
}

// Fake is the stand-in.
type Fake struct {
	// URL is the value for AWS_ENDPOINT_URL.
	URL string
	// Account is that of the functions and of every caller.
	Account string
	// Takes is how long an update lasts.
	Takes time.Duration
	// Answer, if set, decides how a call is answered. It is called without a lock.
	Answer func(Call) Reply
	// MetricStatus, if set, is the status of each metric in an answer; by default Complete.
	MetricStatus *string
	// Untag, if set, is called when a tag is removed from a repository of ECR.
	Untag func(repository, tag string)
	// HasImage tells whether the image, repository@digest, exists. By default all exist.
	HasImage func(uri string) bool
	// Disabled makes the region one that the account has not enabled: no call is answered there.
	// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
	Disabled atomic.Bool

	mu        sync.Mutex
	region    string
	others    map[string]*Fake // the stand-ins of other regions
	functions map[string]*Function
	calls     []Call
	counts    map[string]int
	traffic   map[string][]float64 // by function:alias@version
	alarms    map[string]string
	logs      []LogEvent
	server    *httptest.Server
}

// New starts the stand-in.
func New(t testing.TB) *Fake {
	t.Helper()
	f := Handler()
	f.server = httptest.NewServer(f)
	f.URL = f.server.URL
	t.Cleanup(f.server.Close)
	return f
}

// Handler returns a stand-in without a server: serve it as an [http.Handler].
func Handler() *Fake {
	return &Fake{
		functions: map[string]*Function{}, counts: map[string]int{}, Takes: time.Millisecond, Account: Account,
		traffic: map[string][]float64{}, alarms: map[string]string{}, region: Region, others: map[string]*Fake{},
	}
}

// Add creates a function that runs the image, for x86_64.
func (f *Fake) Add(name, image string) *Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := &Function{Name: name, PackageType: "Image", Architecture: "x86_64", Image: image, State: "Active", update: "Successful",
		Aliases: map[string]string{}, Weights: map[string]map[string]float64{}, descriptions: map[int]string{}, account: f.Account, region: f.region}
	f.functions[name] = fn
	return fn
}

// Change changes a function, as another user would. The function gets a new revision.
func (f *Fake) Change(name string, change func(*Function)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.functions[name])
	f.functions[name].revision++
	f.functions[name].routed++
}

// Remove deletes a function.
func (f *Fake) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.functions, name)
}

// Image returns the image that a function runs. During an update, and after a failed one,
// this is the former image.
func (f *Fake) Image(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.functions[name].advance()
	return f.functions[name].Image
}

// Alias returns the image that an alias runs; "" if there is no such alias.
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

// Split returns the shares of other versions that an alias has.
func (f *Fake) Split(name, alias string) map[string]float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.functions[name].Weights[alias]
}

// Calls returns the calls of an operation, without dry runs.
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

// Environment returns the variables that make any program use the stand-in.
func (f *Fake) Environment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": f.URL, "AWS_REGION": Region,
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_PROFILE": "",
	}
}

// Env sets these variables for this process, until the test ends.
func (f *Fake) Env(t testing.TB) {
	t.Helper()
	for name, value := range f.Environment() {
		t.Setenv(name, value)
	}
}

// advance ends the update if its time is over.
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
	if fn.publish {
		fn.Published = fn.Image
	}
}

// at returns the image of a version; "" means $LATEST.
func (fn *Function) at(version string) string {
	if n, err := strconv.Atoi(version); err == nil && n <= len(fn.Versions) {
		return fn.Versions[n-1]
	}
	return fn.Image
}

func (fn *Function) arn() string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", fn.region, fn.account, fn.Name)
}

// note counts the call and returns how it is answered.
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
	f = f.of(r)
	if f.Disabled.Load() {
		refuseRegion(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/2015-03-31/functions") {
		f.serveLambda(w, r)
		return
	}
	if operation, ok := strings.CutPrefix(r.URL.Path, WatchPath); ok {
		f.serveWatch(w, r, operation)
		return
	}
	if operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), logsTarget); ok {
		f.serveLogs(w, r, operation)
		return
	}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchDeleteImage") && f.Untag != nil {
		f.serveUntag(w, r)
		return
	}
	serveOthers(w, r, f.Account)
}

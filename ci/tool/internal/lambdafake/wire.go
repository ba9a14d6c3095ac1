package lambdafake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// input has the fields of the bodies of all requests.
type input struct {
	ImageURI, Revision, FunctionVersion, Name string
	Description                               string
	DryRun                                    bool
	PublishTo                                 string
	Routing                                   *routing
	New                                       creation
}

// creation is what a call says of a new function.
type creation struct {
	FunctionName, PackageType, Role string
	Architectures                   []string
	MemorySize, Timeout             int
	Code                            struct {
		ImageURI string `json:"ImageUri"`
	}
}

// routing is that of an alias.
type routing struct{ AdditionalVersionWeights map[string]float64 }

func (i *input) UnmarshalJSON(data []byte) error {
	var raw struct {
		ImageURI        string `json:"ImageUri"`
		Revision        string `json:"RevisionId"`
		FunctionVersion string
		Name            string
		Description     string
		DryRun          bool
		PublishTo       string
		Routing         *routing `json:"RoutingConfig"`
	}
	err := json.Unmarshal(data, &raw)
	*i = input{raw.ImageURI, raw.Revision, raw.FunctionVersion, raw.Name, raw.Description, raw.DryRun, raw.PublishTo, raw.Routing, creation{}}
	if err == nil {
		err = json.Unmarshal(data, &i.New)
	}
	return err
}

// operations maps the method and the end of the path to the operation.
// https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
var operations = map[string]string{
	"POST ": "CreateFunction", "GET ": "GetFunction", "PUT code": "UpdateFunctionCode", "POST versions": "PublishVersion", "POST invocations": "Invoke",
	"GET aliases/": "GetAlias", "POST aliases": "CreateAlias", "PUT aliases/": "UpdateAlias", "DELETE aliases/": "DeleteAlias", "DELETE ": "DeleteFunction",
}

func (f *Fake) serveLambda(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions"), "/"), "/")
	alias := ""
	if strings.HasPrefix(rest, "aliases/") {
		rest, alias = "aliases/", strings.TrimPrefix(rest, "aliases/")
	}
	operation := operations[r.Method+" "+rest]
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", err.Error())
		return
	}
	var in input
	if operation != "Invoke" && len(body) > 0 && json.Unmarshal(body, &in) != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	if operation == "CreateFunction" {
		name = in.New.FunctionName
		in.ImageURI = in.New.Code.ImageURI
	}
	call := Call{Operation: operation, Function: name, URI: in.ImageURI, DryRun: in.DryRun}
	if operation == "Invoke" {
		call.Qualifier, call.Tenant = r.URL.Query().Get("Qualifier"), r.Header.Get("X-Amz-Tenant-Id")
	}
	reply := f.note(call)
	if reply.Before != nil {
		reply.Before()
	}
	if reply.Code != "" && !reply.Drop {
		refuse(w, reply.Status, reply.Code, reply.Message)
		return
	}
	f.mu.Lock()
	status, answer := f.carryOut(call, alias, r.URL.Query().Get("Qualifier"), in, reply)
	f.mu.Unlock()
	if reply.Drop {
		panic(http.ErrAbortHandler)
	}
	if e, ok := answer.(refusal); ok {
		refuse(w, status, e.code, e.message)
		return
	}
	if operation == "Invoke" {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("START\nhello\nEND\n")))
		if reply.Error != "" {
			w.Header().Set("X-Amz-Function-Error", reply.Error)
		}
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		json.NewEncoder(w).Encode(answer) //nolint:errcheck // it fails only if the client has gone
	}
}

// latestPublished is the version that calls without a qualifier run on Managed Instances.
const latestPublished = "$LATEST.PUBLISHED"

type refusal struct{ code, message string }

// carryOut carries out the call. The caller holds the lock.
func (f *Fake) carryOut(call Call, alias, qualifier string, in input, reply Reply) (int, any) {
	operation, name := call.Operation, call.Function
	fn, ok := f.functions[name]
	if operation == "CreateFunction" {
		return f.create(ok, in)
	}
	if !ok {
		return http.StatusNotFound, refusal{"ResourceNotFoundException", "Function not found: arn:aws:lambda:" + f.region + ":" + f.Account + ":function:" + name}
	}
	fn.advance()
	if version, ok := fn.Aliases[qualifier]; ok {
		qualifier = version
	}
	switch operation {
	case "DeleteFunction":
		return fn.deleteVersion(qualifier)
	case "GetFunction":
		n, err := strconv.Atoi(qualifier)
		if qualifier == latestPublished && fn.Published == "" || err == nil && (n > len(fn.Versions) || fn.Versions[n-1] == "") {
			return http.StatusNotFound, refusal{"ResourceNotFoundException", "Function not found: " + fn.arn() + ":" + qualifier}
		}
		return http.StatusOK, fn.describe(qualifier)
	case "UpdateFunctionCode":
		return f.updateCode(fn, in, reply)
	case "PublishVersion":
		if n := len(fn.Versions); n == 0 || fn.Versions[n-1] != fn.Image {
			fn.Versions = append(fn.Versions, fn.Image)
			fn.revision++
			fn.descriptions[len(fn.Versions)] = in.Description
		}
		return http.StatusCreated, map[string]any{"Version": strconv.Itoa(len(fn.Versions))}
	case "CreateAlias", "UpdateAlias":
		if alias == "" {
			alias = in.Name
		}
		if in.Revision != "" && in.Revision != fn.aliasRevision() {
			return http.StatusPreconditionFailed, refusal{"PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}
		}
		if refused, ok := fn.route(alias, in); !ok {
			return http.StatusBadRequest, refused
		}
		fn.routed++
		fn.Aliases[alias] = in.FunctionVersion
		return http.StatusOK, fn.alias(alias)
	case "DeleteAlias":
		delete(fn.Aliases, alias)
		delete(fn.Weights, alias)
		return http.StatusNoContent, nil
	case "GetAlias":
		if _, ok := fn.Aliases[alias]; ok {
			return http.StatusOK, fn.alias(alias)
		}
		return http.StatusNotFound, refusal{"ResourceNotFoundException", "Cannot find alias arn: " + fn.arn() + ":" + alias}
	case "Invoke":
		// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
		if fn.Tenants != (call.Tenant != "") || fn.Durable && call.Qualifier == "" {
			return http.StatusBadRequest, refusal{"InvalidParameterValueException", "The call does not name the tenant, or the version, that the function needs, or names one that it does not have."}
		}
		if reply.Error != "" {
			return http.StatusOK, map[string]string{"errorType": "Boom", "errorMessage": "it broke"}
		}
		return http.StatusOK, map[string]bool{"ok": true}
	default:
		return http.StatusNotFound, refusal{"UnknownOperationException", operation}
	}
}

// deleteVersion deletes a version. Its number is never given again.
func (fn *Function) deleteVersion(version string) (int, any) {
	for _, leads := range fn.Aliases {
		if leads == version {
			return http.StatusConflict, refusal{"ResourceConflictException", "Version " + version + " is still referenced by alias."}
		}
	}
	n, err := strconv.Atoi(version)
	if err != nil || n > len(fn.Versions) {
		return http.StatusNotFound, refusal{"ResourceNotFoundException", "Function not found: " + fn.arn() + ":" + version}
	}
	fn.Versions[n-1] = ""
	return http.StatusNoContent, nil
}

// route sets the weights of an alias. Without a routing, those of before stay: so says the
// documentation of UpdateAlias, and so does AWS.
func (fn *Function) route(alias string, in input) (refusal, bool) {
	if in.Routing == nil {
		return refusal{}, true
	}
	for version := range in.Routing.AdditionalVersionWeights {
		if in.FunctionVersion == "$LATEST" || version == "$LATEST" || version == in.FunctionVersion || len(in.Routing.AdditionalVersionWeights) > 1 {
			return refusal{"InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version."}, false
		}
	}
	fn.Weights[alias] = in.Routing.AdditionalVersionWeights
	return refusal{}, true
}

func (fn *Function) aliasRevision() string { return fmt.Sprint("alias ", fn.routed) }

// alias describes an alias.
func (fn *Function) alias(name string) map[string]any {
	answer := map[string]any{"Name": name, "FunctionVersion": fn.Aliases[name], "RevisionId": fn.aliasRevision()}
	if len(fn.Weights[name]) > 0 {
		answer["RoutingConfig"] = routing{fn.Weights[name]}
	}
	return answer
}

func (f *Fake) updateCode(fn *Function, in input, reply Reply) (int, any) {
	switch {
	case in.Revision != "" && in.Revision != strconv.Itoa(fn.revision):
		return http.StatusPreconditionFailed, refusal{"PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}
	case f.HasImage != nil && !f.HasImage(in.ImageURI):
		return http.StatusBadRequest, refusal{"InvalidParameterValueException", fmt.Sprintf("Source image %s does not exist. Provide a valid source image.", in.ImageURI)}
	case in.DryRun:
		return http.StatusOK, fn.describe("")
	case fn.update == "InProgress":
		return http.StatusConflict, refusal{"ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: " + fn.arn()}
	}
	takes := f.Takes
	if reply.Takes > 0 {
		takes = reply.Takes
	}
	fn.update, fn.next, fn.fails, fn.ends = "InProgress", in.ImageURI, reply.Fail, time.Now().Add(takes)
	fn.publish = in.PublishTo == "LATEST_PUBLISHED"
	fn.revision++
	return http.StatusOK, fn.describe("")["Configuration"]
}

// create makes a function.
func (f *Fake) create(exists bool, in input) (int, any) {
	n := in.New
	switch {
	case exists:
		return http.StatusConflict, refusal{"ResourceConflictException", "Function already exist: " + n.FunctionName}
	case n.Role == "" || n.PackageType != "Image" || len(n.Architectures) != 1:
		return http.StatusBadRequest, refusal{"InvalidParameterValueException", "A role, the package type Image and an architecture are required"}
	case f.HasImage != nil && !f.HasImage(n.Code.ImageURI):
		return http.StatusBadRequest, refusal{"InvalidParameterValueException", "Source image " + n.Code.ImageURI + " does not exist. Provide a valid source image."}
	}
	fn := &Function{Name: n.FunctionName, PackageType: n.PackageType, Architecture: n.Architectures[0], State: "Active", update: "Successful", Image: n.Code.ImageURI,
		Role: n.Role, Memory: n.MemorySize, Timeout: n.Timeout,
		Aliases: map[string]string{}, Weights: map[string]map[string]float64{}, descriptions: map[int]string{}, account: f.Account, region: f.region}
	f.functions[n.FunctionName] = fn
	return http.StatusCreated, fn.describe("")["Configuration"]
}

// describe returns the answer of GetFunction.
func (fn *Function) describe(qualifier string) map[string]any {
	image, version := fn.at(qualifier), "$LATEST"
	if qualifier != "" {
		version = qualifier
	}
	k := map[string]any{
		"FunctionName": fn.Name, "FunctionArn": fn.arn(), "PackageType": fn.PackageType, "Architectures": []string{fn.Architecture},
		"Version": version, "RevisionId": strconv.Itoa(fn.revision), "State": fn.State, "LastUpdateStatus": fn.update,
		"LoggingConfig": map[string]any{"LogFormat": "Text", "LogGroup": "/aws/lambda/" + fn.Name},
	}
	if n, err := strconv.Atoi(qualifier); err == nil {
		k["Description"] = fn.descriptions[n]
	}
	if fn.Tenants {
		k["TenancyConfig"] = map[string]any{"TenantIsolationMode": "PER_TENANT"}
	}
	if fn.Durable {
		k["DurableConfig"] = map[string]any{"ExecutionTimeout": 3600}
	}
	if fn.Instances {
		k["CapacityProviderConfig"] = map[string]any{"LambdaManagedInstancesCapacityProviderConfig": map[string]any{"CapacityProviderArn": "arn:aws:lambda:" + fn.region + ":" + fn.account + ":capacity-provider:one"}}
		switch qualifier {
		case latestPublished:
			image = fn.Published
		case "":
			k["State"] = "ActiveNonInvocable"
		}
	}
	if fn.State == "Failed" {
		k["StateReasonCode"], k["StateReason"] = "ImageDeleted", fn.Reason
	}
	if fn.update == "Failed" {
		code, reason, _ := strings.Cut(fn.why, ": ")
		k["LastUpdateStatusReasonCode"], k["LastUpdateStatusReason"] = code, reason
	}
	code := map[string]any{"RepositoryType": "S3"}
	if fn.PackageType == "Image" {
		code = map[string]any{"RepositoryType": "ECR", "ImageUri": image, "ResolvedImageUri": image}
	}
	return map[string]any{"Configuration": k, "Code": code}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Message": message}) //nolint:errcheck // it fails only if the client has gone
}

// serveUntag removes tags.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
func (f *Fake) serveUntag(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RepositoryName string                      `json:"repositoryName"`
		ImageIDs       []struct{ ImageTag string } `json:"imageIds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(fmt.Errorf("BatchDeleteImage: %w", err))
	}
	for _, id := range in.ImageIDs {
		f.Untag(in.RepositoryName, id.ImageTag)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(map[string]any{"imageIds": in.ImageIDs, "failures": []any{}}) //nolint:errcheck // it fails only if the client has gone
}

// serveOthers answers the calls of a deployment to STS, ECR and ECR Public.
func serveOthers(w http.ResponseWriter, r *http.Request, account string) {
	if target := r.Header.Get("X-Amz-Target"); strings.HasSuffix(target, ".GetAuthorizationToken") {
		token := fmt.Sprintf(`{"authorizationToken":%q,"expiresAt":%d}`,
			base64.StdEncoding.EncodeToString([]byte("AWS:example")), time.Now().Add(12*time.Hour).Unix())
		if strings.HasPrefix(target, "AmazonEC2ContainerRegistry") { // the private API returns a list
			token = "[" + token + "]"
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"authorizationData":%s}`, token)
		return
	}
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonEC2ContainerRegistry") { // the caller may only log in
		refuse(w, http.StatusBadRequest, "AccessDeniedException", "User is not authorized")
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
		`<Arn>arn:aws:iam::%s:user/dana</Arn><UserId>AIDAEXAMPLE</UserId><Account>%s</Account>`+
		`</GetCallerIdentityResult></GetCallerIdentityResponse>`, account, account)
}

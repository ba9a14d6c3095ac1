package deploy_test

import (
	"net/http"
	"time"

	"lambdas.internal/ci/tool/internal/lambdafake"
)

// outcome is how a release may end.
type outcome string

const (
	done    outcome = "all new"
	undone  outcome = "all old, rolled back"
	refused outcome = "all old, refused before anything was touched"
	mixed   outcome = "named what could not be rolled back"
)

const update = "UpdateFunctionCode"

// code is the answer that refuses a call with an error code.
func code(status int, name string) lambdafake.Reply {
	return lambdafake.Reply{Status: status, Code: name, Message: "as the test wants"}
}

var (
	denied    = code(http.StatusForbidden, "AccessDeniedException")
	conflict  = code(http.StatusConflict, "ResourceConflictException")
	throttled = code(http.StatusTooManyRequests, "TooManyRequestsException")
	broken    = code(http.StatusInternalServerError, "ServiceException")
)

// faults are failures of one function, the victim, among five. Every fault is tried with
// each function as the victim.
var faults = map[string]struct {
	want outcome
	// impatient is set if the release waits for something that does not come.
	impatient bool
	// prepare changes the world before the release.
	prepare func(w *world, victim int)
	// answer is the answer to the calls for the victim.
	answer func(w *world, victim int, c lambdafake.Call) lambdafake.Reply
}{
	"nothing": {want: done},
	"the update is denied": {want: undone, answer: onUpdate(func(lambdafake.Call) lambdafake.Reply {
		return denied
	})},
	"the update is taken and fails": {want: undone, answer: onUpdate(func(c lambdafake.Call) lambdafake.Reply {
		return lambdafake.Reply{Fail: map[bool]string{true: "InvalidImage: the image has no entrypoint"}[c.Count == 1]}
	})},
	"a few conflicts": {want: done, answer: onUpdate(first(3, conflict))},
	"endless conflicts": {want: undone, impatient: true, answer: onUpdate(func(lambdafake.Call) lambdafake.Reply {
		return conflict
	})},
	"throttled a few times":              {want: done, answer: onUpdate(first(7, throttled))},
	"throttled every time":               {want: undone, impatient: true, answer: onUpdate(first(1000000, throttled))},
	"the service is broken for a moment": {want: done, answer: onUpdate(first(4, broken))},
	"the service is broken":              {want: undone, impatient: true, answer: onUpdate(first(1000000, broken))},
	"the answer is lost":                 {want: done, answer: onUpdate(first(1, lambdafake.Reply{Drop: true}))},
	"every answer is lost":               {want: done, answer: onUpdate(first(1000000, lambdafake.Reply{Drop: true}))},
	"the answer is lost, the update fails, another does not": {want: done, answer: onUpdate(first(1,
		lambdafake.Reply{Drop: true, Fail: "InternalError: sorry"}))},
	"the update takes too long, and ends": {want: undone, impatient: true, answer: onUpdate(first(1,
		lambdafake.Reply{Takes: 400 * time.Millisecond}))},
	"the update never ends": {want: mixed, impatient: true, answer: onUpdate(first(1, lambdafake.Reply{Takes: time.Hour}))},
	"reading fails for a moment while it is awaited": {want: done, answer: func(_ *world, _ int, c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "GetFunction" && c.Count > 1 && c.Count < 6 {
			return throttled
		}
		return lambdafake.Reply{}
	}},
	"another update is running when it begins": {want: done, prepare: func(w *world, n int) {
		w.aws.Change(names[n], func(f *lambdafake.Function) { f.State = "Pending" })
		time.AfterFunc(5*time.Millisecond, func() { w.aws.Change(names[n], func(f *lambdafake.Function) { f.State = "Active" }) })
	}},
	"its configuration changes meanwhile": {want: done, answer: onUpdate(func(c lambdafake.Call) lambdafake.Reply {
		return lambdafake.Reply{}
	}), prepare: nil},
	"the new image is deleted": {want: undone, answer: onUpdate(func(lambdafake.Call) lambdafake.Reply {
		return lambdafake.Reply{}
	})},
	"the old image is deleted, and the update fails": {want: mixed, answer: func(w *world, n int, c lambdafake.Call) lambdafake.Reply {
		if c.Operation != update || c.DryRun || c.Count > 1 {
			return lambdafake.Reply{}
		}
		w.images.remove(w.old[n])
		return lambdafake.Reply{Fail: "InvalidImage: no entrypoint"}
	}},
	"the rollback is throttled at first": {want: undone, answer: onUpdate(func(c lambdafake.Call) lambdafake.Reply {
		switch {
		case c.Count == 1:
			return lambdafake.Reply{Fail: "InternalError: sorry"}
		case c.Count < 9:
			return throttled
		default:
			return lambdafake.Reply{}
		}
	})},
	"the rollback fails twice": {want: undone, answer: onUpdate(first(3, lambdafake.Reply{Fail: "InternalError: sorry"}))},
	"the rollback fails":       {want: mixed, answer: onUpdate(first(1000000, lambdafake.Reply{Fail: "InternalError: sorry"}))},
	"the rollback is denied": {want: mixed, answer: onUpdate(func(c lambdafake.Call) lambdafake.Reply {
		if c.Count == 1 {
			return lambdafake.Reply{Fail: "ImageAccessDenied: Lambda does not have permission to access the ECR image"}
		}
		return denied
	})},
	"another deployment comes between": {want: mixed, answer: func(w *world, n int, c lambdafake.Call) lambdafake.Reply {
		if c.Operation == update && !c.DryRun && c.Count == 1 {
			return lambdafake.Reply{Before: func() {
				w.aws.Change(names[n], func(f *lambdafake.Function) { f.Image = repository + "@sha256:another" })
			}}
		}
		return lambdafake.Reply{}
	}},
	"it answers its test event with an error": {want: undone, answer: func(_ *world, _ int, c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "Invoke" {
			return lambdafake.Reply{Error: "Unhandled"}
		}
		return lambdafake.Reply{}
	}},
	"it does not exist":     {want: refused, prepare: func(w *world, n int) { w.aws.Remove(names[n]) }},
	"it may not be read":    {want: refused, answer: onAll(denied)},
	"the dry run is denied": {want: refused, answer: onDryRun(denied)},
	"it runs no image":      {want: refused, prepare: changed(func(f *lambdafake.Function) { f.PackageType = "Zip" })},
	"it is for arm64":       {want: refused, prepare: changed(func(f *lambdafake.Function) { f.Architecture = "arm64" })},
	"it stays pending": {want: refused, impatient: true, prepare: changed(func(f *lambdafake.Function) {
		f.State = "Pending"
	})},
	"its new image does not exist":         {want: refused, prepare: func(w *world, n int) { w.images.remove(w.new[n]) }},
	"the service is broken from the start": {want: refused, impatient: true, answer: onAll(broken)},
}

func onUpdate(reply func(lambdafake.Call) lambdafake.Reply) func(*world, int, lambdafake.Call) lambdafake.Reply {
	return func(_ *world, _ int, c lambdafake.Call) lambdafake.Reply {
		if c.Operation == update && !c.DryRun {
			return reply(c)
		}
		return lambdafake.Reply{}
	}
}

func onDryRun(reply lambdafake.Reply) func(*world, int, lambdafake.Call) lambdafake.Reply {
	return func(_ *world, _ int, c lambdafake.Call) lambdafake.Reply {
		if c.DryRun {
			return reply
		}
		return lambdafake.Reply{}
	}
}

func onAll(reply lambdafake.Reply) func(*world, int, lambdafake.Call) lambdafake.Reply {
	return func(*world, int, lambdafake.Call) lambdafake.Reply { return reply }
}

func first(count int, reply lambdafake.Reply) func(lambdafake.Call) lambdafake.Reply {
	return func(c lambdafake.Call) lambdafake.Reply {
		if c.Count <= count {
			return reply
		}
		return lambdafake.Reply{}
	}
}

func changed(change func(*lambdafake.Function)) func(*world, int) {
	return func(w *world, n int) { w.aws.Change(names[n], change) }
}

// special returns the answers of faults that also change something else.
func special(w *world, name string, n int) func(lambdafake.Call) lambdafake.Reply {
	switch name {
	case "its configuration changes meanwhile":
		return func(c lambdafake.Call) lambdafake.Reply {
			if c.Operation == update && !c.DryRun && c.Count == 1 {
				return lambdafake.Reply{Before: func() { w.aws.Change(names[n], func(*lambdafake.Function) {}) }}
			}
			return lambdafake.Reply{}
		}
	case "the new image is deleted":
		return func(c lambdafake.Call) lambdafake.Reply {
			if c.Operation == update && !c.DryRun {
				w.images.remove(w.new[n])
			}
			return lambdafake.Reply{}
		}
	default:
		return nil
	}
}

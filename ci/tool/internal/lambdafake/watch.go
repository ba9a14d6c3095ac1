package lambdafake

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"
)

// WatchPath begins the paths of CloudWatch's calls, in the protocol that the SDK speaks.
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
const WatchPath = "/service/GraniteServiceVersion20100801/operation/"

// Traffic sets what callers of an alias did with a version.
func (f *Fake) Traffic(function, alias, version string, calls, errors float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.traffic[function+":"+alias+"@"+version] = []float64{calls, errors}
}

// Alarm sets the state of an alarm. Its name begins with composite/ if it is composed of others.
func (f *Fake) Alarm(name, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alarms[name] = state
}

// serveWatch answers a call to CloudWatch.
func (f *Fake) serveWatch(w http.ResponseWriter, r *http.Request, operation string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	decoded, err := cbor.Decode(body)
	if err != nil {
		panic(fmt.Errorf("%s: %w", operation, err))
	}
	in := decoded.(cbor.Map)
	reply := f.note(Call{Operation: operation})
	if reply.Before != nil {
		reply.Before()
	}
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case reply.Code != "":
		w.WriteHeader(reply.Status)
		w.Write(cbor.Encode(cbor.Map{"__type": cbor.String(reply.Code), "message": cbor.String(reply.Message)})) //nolint:errcheck // it fails only if the client has gone
		return
	case operation == "GetMetricData":
		w.Write(cbor.Encode(f.metricData(in))) //nolint:errcheck // the same
	case operation == "DescribeAlarms":
		w.Write(cbor.Encode(f.describeAlarms(in))) //nolint:errcheck // the same
	default:
		panic("no stand-in for " + operation)
	}
}

func (f *Fake) metricData(in cbor.Map) cbor.Map {
	results, status := cbor.List{}, "Complete"
	if f.MetricStatus != nil {
		status = *f.MetricStatus
	}
	for _, q := range in["MetricDataQueries"].(cbor.List) {
		q := q.(cbor.Map)
		metric := q["MetricStat"].(cbor.Map)["Metric"].(cbor.Map)
		values := map[string]string{}
		for _, d := range metric["Dimensions"].(cbor.List) {
			d := d.(cbor.Map)
			values[string(d["Name"].(cbor.String))] = string(d["Value"].(cbor.String))
		}
		result := cbor.Map{"Id": q["Id"], "StatusCode": cbor.String(status), "Values": cbor.List{}}
		name := string(metric["MetricName"].(cbor.String))
		if t, ok := f.traffic[values["Resource"]+"@"+values["ExecutedVersion"]]; ok && strings.HasPrefix(values["Resource"], values["FunctionName"]+":") {
			// Of two minutes.
			value := t[map[string]int{"Invocations": 0, "Errors": 1}[name]] / 2
			result["Values"] = cbor.List{cbor.Float64(value), cbor.Float64(value)}
		}
		results = append(results, result)
	}
	return cbor.Map{"MetricDataResults": results}
}

func (f *Fake) describeAlarms(in cbor.Map) cbor.Map {
	alarms, composite := cbor.List{}, cbor.List{}
	types := fmt.Sprint(in["AlarmTypes"])
	for _, name := range in["AlarmNames"].(cbor.List) {
		if state, ok := f.alarms[string(name.(cbor.String))]; ok {
			alarm := cbor.Map{"AlarmName": name, "StateValue": cbor.String(state), "StateReason": cbor.String("as the test wants")}
			switch isComposite := strings.HasPrefix(string(name.(cbor.String)), "composite/"); {
			case isComposite && strings.Contains(types, "CompositeAlarm"): // only if asked for
				composite = append(composite, alarm)
			case !isComposite:
				alarms = append(alarms, alarm)
			}
		}
	}
	return cbor.Map{"MetricAlarms": alarms, "CompositeAlarms": composite}
}

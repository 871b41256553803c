package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// render writes a plan as the stories have it: the changes in their order, then each workload with its conditions and every
// host in its scope with the reason. A Sidecar's hosts are only written where they are not simply the scope's, of a divert rule
// whether it reports as an observing one does.
func render(p plan.Plan, now time.Time) string {
	var b strings.Builder
	scopes := map[mesh.WorkloadKey][]string{}
	for _, w := range p.Workloads {
		for _, host := range w.Hosts {
			scopes[w.Key] = append(scopes[w.Key], host.String())
		}
	}
	for _, change := range p.Changes {
		fmt.Fprintf(&b, "%s %s %s: %s\n", change.Verb, change.Kind(), change.Key, change.Why)
		renderSidecar(&b, change, scopes[change.Workload])
		if rule := change.EnvoyFilter; rule != nil && !must(convert.DivertRule(rule)).Observes && must(convert.DivertRule(rule)).Reports {
			b.WriteString("  and reports what it calls\n")
		}
		if change.Policy != nil && change.Verb != plan.Delete {
			fmt.Fprintf(&b, "  says %s\n", must(json.Marshal(&change.Policy.Spec)))
		}
	}
	for _, w := range p.Workloads {
		fmt.Fprintf(&b, "%s (%s)%s%s\n", w.Key, w.ScopeName, condition("", w.Ready), refusal(w.Accepted))
		for _, host := range w.Hosts {
			fmt.Fprintf(&b, "  %s  %s", host, host.Source)
			if host.Detail != "" {
				fmt.Fprintf(&b, ": %s", host.Detail)
			}
			b.WriteString("\n")
		}
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&b, "%s %s %s: %s: %s\n", n.Type, n.Kind, mesh.Key{Namespace: n.Namespace, Name: n.Name}, n.Reason, n.Message)
	}
	if !p.Again.IsZero() {
		fmt.Fprintf(&b, "again in %s\n", p.Again.Sub(now))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func condition(name string, c plan.Condition) string {
	verdict := "not ready"
	if c.Status {
		verdict = "ready"
	}
	return fmt.Sprintf("%s %s, %s: %s", name, verdict, c.Reason, c.Message)
}

func refusal(c plan.Condition) string {
	if c.Status {
		return ""
	}
	return fmt.Sprintf("; not accepted, %s: %s", c.Reason, c.Message)
}

func renderSidecar(b *strings.Builder, change plan.Change, scope []string) {
	if change.Sidecar == nil || change.Verb == plan.Delete {
		return
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(must(json.Marshal(&change.Sidecar.Spec)), &fields); err != nil {
		panic(err)
	}
	for _, name := range []string{"egress", "workloadSelector"} {
		delete(fields, name)
	}
	if len(fields) > 0 {
		fmt.Fprintf(b, "  carries over %s\n", must(json.Marshal(fields)))
	}
	for _, listener := range change.Sidecar.Spec.Egress {
		if listener.GetPort() != nil {
			fmt.Fprintf(b, "  warms %s\n", strings.Join(listener.Hosts, " "))
		} else if slices.Sort(scope); !slices.Equal(listener.Hosts, scope) {
			fmt.Fprintf(b, "  imports %s\n", strings.Join(listener.Hosts, " "))
		}
	}
}

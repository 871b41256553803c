package plan

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

//go:embed report.yaml
var reportTemplate string

// reporting is how a sidecar reports. Nobody waits for what it tells, so entries may gather for a second.
const reporting = `{log_name: %s_envoy_accesslog, transport_api_version: V3, buffer_flush_interval: 1s, ` +
	`grpc_service: {envoy_grpc: {cluster_name: "outbound|8080||%s"}}}`

// reportSpec renders the spec of an observing rule without its workloadSelector.
func reportSpec(cfg Config) spec {
	text := strings.NewReplacer(
		"${http}", fmt.Sprintf(reporting, "http", controllerHost(cfg)),
		"${tcp}", fmt.Sprintf(reporting, "tcp", controllerHost(cfg)),
		"${every}", fmt.Sprintf("%ds", deps.ReportEvery/time.Second),
		"${sampling}", strconv.Itoa(cfg.Sampling),
	).Replace(reportTemplate)
	var typed networkingapi.EnvoyFilter
	if err := yaml.UnmarshalStrict([]byte(text), &typed); err != nil {
		panic("report.yaml is no EnvoyFilter once filled in: " + err.Error())
	}
	return parseSpec(encode(&typed))
}

// and returns a rule that does what both do.
func (s spec) and(other spec) spec {
	const field = "configPatches"
	var patches []json.RawMessage
	for _, rule := range []spec{s, other} {
		var more []json.RawMessage
		if err := json.Unmarshal(rule[field], &more); err != nil {
			panic("a rule of our own making has no patches: " + err.Error())
		}
		patches = append(patches, more...)
	}
	return s.with(field, patches)
}

// idleTTL is how long a dependency of the workload may go unused; 0 for ever.
func (w *world) idleTTL(c *candidate) time.Duration {
	if c.scope != nil && c.scope.IdleTTL != nil {
		return *c.scope.IdleTTL
	}
	return w.cfg.IdleTTL
}

// reports tells whether the sidecars of a workload that is to be lazy report what it calls, and for how long its dependencies
// may then go unused; 0 for ever. Sidecars that report go on with it: to end it would cost the connections they hold.
func (w *world) reports(c *candidate) (reports bool, idleTTL time.Duration) {
	idleTTL = w.idleTTL(c)
	if idleTTL == 0 && (c.rule == nil || !c.rule.Reports) {
		return false, 0
	}
	if found, ok := w.unobservable(c); ok {
		if idleTTL > 0 {
			w.notice(Notice{c.key.Kind, c.key.Namespace, c.key.Name, Warning, found.reason, found.message + "; nothing it learned expires"})
		}
		return false, 0
	}
	return true, idleTTL
}

// controllerHost is where sidecars report to.
func controllerHost(cfg Config) mesh.Host {
	return mesh.Host(ControllerName + "." + cfg.EgressNamespace + ".svc." + cfg.ClusterDomain)
}

// observe makes the sidecars of a workload in full scope report what it calls.
func (w *world) observe(p *Plan, c *candidate) {
	rule := w.reporting.selecting(c.workload.Selector)
	if c.rule == nil || !c.rule.Observes || !rule.same(c.rule.Spec) {
		p.change(c, divert, Change{EnvoyFilter: newObservingRule(c, rule), Why: "reports what it calls"})
	}
}

// newObservingRule makes the rule of an observed workload. It takes the place of the divert rule, under the same name.
func newObservingRule(c *candidate, s spec) *networkingv1alpha3.EnvoyFilter {
	out := newRule(c, s)
	out.Annotations[convert.DivertsSinceAnnotation] = convert.DivertsNever
	return out
}

// unobservable tells why a workload's sidecars cannot report: they refuse a listener that names a cluster they do not have.
func (w *world) unobservable(c *candidate) (obstacle, bool) {
	host := controllerHost(w.cfg)
	const reason = "ControllerOutOfScope"
	if len(w.catalog.named(host, c.key.Namespace)) == 0 {
		return obstacle{reason, fmt.Sprintf("its sidecars cannot report: there is no Service %s that its namespace sees", host)}, true
	}
	if w.standard != nil && !importsHost(w.standard.Spec, c.key.Namespace, w.cfg.EgressNamespace, host) {
		return obstacle{reason, fmt.Sprintf("its sidecars cannot report: Sidecar %s does not import %s/%s",
			w.standard.Key, w.cfg.EgressNamespace, host)}, true
	}
	return obstacle{}, false
}

// importsHost tells whether a Sidecar makes the proxies of a namespace know all ports of a host.
func importsHost(sidecar []byte, viewer, namespace string, host mesh.Host) bool {
	var spec struct {
		Egress []struct {
			Port  json.RawMessage
			Hosts []string
		}
	}
	if err := json.Unmarshal(sidecar, &spec); err != nil {
		return false
	}
	for _, listener := range spec.Egress {
		imports := func(imported string) bool {
			p := patternOf(imported)
			here := p.namespace == "." && viewer == namespace
			return (here || p.namespace == "*" || p.namespace == namespace) && p.host.Matches(host)
		}
		if len(listener.Port) == 0 && slices.ContainsFunc(listener.Hosts, imports) {
			return true
		}
	}
	return len(spec.Egress) == 0
}

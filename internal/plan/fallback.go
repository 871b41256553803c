package plan

import (
	"fmt"
	"strings"
	"time"
)

// FailurePolicy is what becomes of lazy workloads when the fallback egress has failed for long.
type FailurePolicy string

const (
	// Hold leaves them lazy: what is in scope goes on working, the rest fails until the fallback is back.
	Hold FailurePolicy = "Hold"
	// Passthrough gives them the full scope until the fallback is back.
	Passthrough FailurePolicy = "Passthrough"
)

// proxiesPerSecond is how many proxies are given the full scope, or made lazy again, when the fallback fails or comes back. All
// workloads are due at once then, and istiod has to send the whole mesh to each of their proxies.
const proxiesPerSecond = 20

// takeTurns spreads what all enrolled workloads are due for at once.
func takeTurns(all []*candidate) {
	proxies := 0
	for _, c := range all {
		if c.workload != nil && c.scope != nil {
			c.turn = time.Duration(proxies) * time.Second / proxiesPerSecond
			proxies += c.workload.WithSidecar
		}
	}
}

// passthrough tells whether a workload is kept in full scope, or taken back there, because no endpoint of the fallback has been
// ready for too long. The divert rule alone must not go: without it calls would leave as plain text, and reach no service that
// wants mutual TLS. Whoever is on the way already does not wait for another turn.
func (w *world) passthrough(p *Plan, c *candidate) (obstacle, bool) {
	egress := w.snapshot.Egress
	if w.cfg.FailurePolicy != Passthrough || egress.Ready > 0 {
		return obstacle{}, false
	}
	due := egress.Since.Add(w.cfg.PassthroughAfter)
	if c.sidecar != nil && !importsOf(c.sidecar).warmsAll() {
		due = due.Add(c.turn)
	}
	if due.After(w.now) {
		p.wake(due)
		return obstacle{}, false
	}
	return obstacle{"Passthrough", fmt.Sprintf("no endpoint of the fallback egress has been ready for %s: full scope until one is",
		w.cfg.PassthroughAfter)}, true
}

// tooEarly tells why a workload is not narrowed yet; empty if it may be, or is already. With the policy Passthrough, a fallback that
// fails again and again would have istiod send everything each time, so it has to be ready for as long as it may fail.
func (w *world) tooEarly(p *Plan, c *candidate) string {
	egress := w.snapshot.Egress
	fault := w.fallbackFault()
	switch {
	case c.sidecar != nil:
		w.failing = w.failing || fault != ""
		return ""
	case fault != "":
		w.waiting = true
		return fault
	case w.cfg.FailurePolicy != Passthrough || egress.Since.IsZero():
		return ""
	}
	due := egress.Since.Add(w.cfg.PassthroughAfter + c.turn)
	if !due.After(w.now) {
		return ""
	}
	p.wake(due)
	return fmt.Sprintf("the fallback egress has not been ready for %s yet", w.cfg.PassthroughAfter)
}

// fallbackFault tells why nothing new may be narrowed; empty if the fallback stands ready.
func (w *world) fallbackFault() string {
	e := w.snapshot.Egress
	switch {
	case w.namespaces[w.cfg.EgressNamespace].Undiscovered:
		return "istiod does not know " + w.cfg.EgressNamespace + ": discoverySelectors of the mesh configuration leave it out"
	case len(e.Missing) > 0:
		return "the fallback egress lacks " + strings.Join(e.Missing, ", ")
	case e.Ready == 0:
		return "no endpoint of the fallback egress is ready"
	}
	return ""
}

// noteFallback tells once, on the egress's Service, what it means that the fallback is not ready.
func (w *world) noteFallback() {
	fault := w.fallbackFault()
	if w.waiting {
		w.noteEgress("FallbackUnavailable", fault+": workloads that are not narrow yet keep the full scope")
	}
	if w.failing {
		w.noteEgress("FallbackUnavailable", fault+": lazy workloads reach only what is in their scopes")
	}
}

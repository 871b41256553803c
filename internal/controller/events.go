package controller

import (
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/lazyxds/lazyxds/internal/plan"
)

const (
	// eventsPerSecond and eventBurst bound the Events written: what they tell is in conditions and metrics as well.
	eventsPerSecond = 5
	eventBurst      = 50
	// action is what the controller was doing, as the Events API asks.
	action = "Plan"
)

// Events turns notices into Kubernetes Events. A notice comes with every plan as long as its cause lasts; it becomes one
// Event.
type Events struct {
	recorder  events.EventRecorder
	reference func(kind, namespace, name string) *corev1.ObjectReference
	limiter   *rate.Limiter
	told      map[plan.Notice]bool
}

// NewEvents makes the teller of a controller. Reference finds the object an Event is about.
func NewEvents(recorder events.EventRecorder, reference func(kind, namespace, name string) *corev1.ObjectReference) *Events {
	return &Events{recorder: recorder, reference: reference, limiter: rate.NewLimiter(eventsPerSecond, eventBurst)}
}

// Tell writes an Event for each notice that the last plan did not have.
func (e *Events) Tell(notices []plan.Notice) {
	told := make(map[plan.Notice]bool, len(notices))
	for _, n := range notices {
		if !e.told[n] {
			if !e.limiter.Allow() {
				continue // not told: the next plan tries again
			}
			e.recorder.Eventf(e.reference(n.Kind, n.Namespace, n.Name), nil, string(n.Type), n.Reason, action, "%s", n.Message)
		}
		told[n] = true
	}
	e.told = told
}

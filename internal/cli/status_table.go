package cli

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

// only in -o wide
const wide = 1

var statusColumns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string", Format: "name"},
	{Name: "Kind", Type: "string"},
	{Name: "Mode", Type: "string"},
	{Name: "Ready", Type: "string"},
	{Name: "Reason", Type: "string"},
	{Name: "Services", Type: "integer"},
	{Name: "Learned", Type: "integer"},
	{Name: "Age", Type: "string"},
	{Name: "Expires", Type: "string", Priority: wide},
	{Name: "Scope", Type: "string", Priority: wide},
	{Name: "Message", Type: "string", Priority: wide},
}

// statusTable renders one row for each scope.
func statusTable(scopes []v1alpha1.WorkloadScope, now time.Time) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: statusColumns}
	for i := range scopes {
		s := &scopes[i]
		state := judge(s)
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells: []any{
				s.Spec.Workload.Name, s.Spec.Workload.Kind, mode(s), string(state.Status), state.Reason,
				s.Status.Services, s.Status.Learned, age(s.CreationTimestamp, now), expires(s, now), s.Name, state.Message,
			},
			Object: runtime.RawExtension{Object: s},
		})
	}
	return table
}

// judge returns the condition that says how the workload stands: a scope whose spec is refused is never ready, and the
// refusal is what its owner has to know.
func judge(s *v1alpha1.WorkloadScope) metav1.Condition {
	accepted := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionAccepted)
	if accepted != nil && accepted.Status == metav1.ConditionFalse {
		return *accepted
	}
	ready := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return metav1.Condition{Status: metav1.ConditionUnknown, Reason: "Pending", Message: "the controller has not seen this scope yet"}
	}
	return *ready
}

// mode is what the scope itself demands, or that annotations decide.
func mode(s *v1alpha1.WorkloadScope) string {
	if s.Spec.Mode == "" {
		return "Annotated"
	}
	return string(s.Spec.Mode)
}

func age(created metav1.Time, now time.Time) string {
	if created.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(created.Time))
}

// expires is the time until the first learned service leaves the scope unless it is called. One that is due waits for reports
// of the workload's sidecars.
func expires(s *v1alpha1.WorkloadScope, now time.Time) string {
	var next *metav1.Time
	for i := range s.Status.Dependencies {
		if at := s.Status.Dependencies[i].ExpiresAt; at != nil && (next == nil || at.Before(next)) {
			next = at
		}
	}
	switch {
	case next == nil:
		return "<never>"
	case !next.After(now):
		return "<waits>"
	}
	return duration.HumanDuration(next.Sub(now))
}

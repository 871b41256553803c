package deps

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func lesson(w mesh.WorkloadKey, at time.Time, hosts ...mesh.Host) Lesson {
	l := Lesson{Workload: w, At: at}
	for _, h := range hosts {
		l.Services = append(l.Services, sighting(h, v1alpha1.SeenDialled, 80))
	}
	return l
}

// nothing is the status of a scope that has learned nothing.
var nothing v1alpha1.WorkloadScopeStatus

func hosts(batches []Batch) (all []string) {
	for _, b := range batches {
		line := b.Workload.Name + ":"
		for _, s := range b.Services {
			line += " " + string(s.Host)
		}
		all = append(all, line)
	}
	return all
}

func wantTaken(t *testing.T, l *Learner, now time.Time, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, hosts(l.Take(now))); diff != "" {
		t.Errorf("taken at %v (-want +got):\n%s", now.Sub(noon), diff)
	}
}

func TestLearnerPacesAWorkload(t *testing.T) {
	l := NewLearner(LearnerConfig{})
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

	if next := l.Next(noon); !next.IsZero() {
		t.Errorf("an empty learner wants to be asked at %v", next)
	}
	l.Add(lesson(web, at(0), "a"), &nothing)
	if next := l.Next(at(0)); !next.Equal(at(0)) {
		t.Errorf("the first lesson waits until %v", next)
	}
	wantTaken(t, l, at(0), "web: a")
	l.Add(lesson(web, at(100), "c", "b"), &nothing)
	l.Add(lesson(web, at(200), "c", "d"), &nothing)
	l.Add(lesson(job, at(300), "a"), &nothing)
	wantTaken(t, l, at(300), "job: a")
	if next := l.Next(at(300)); !next.Equal(at(1000)) {
		t.Errorf("the lessons of the first second wait until %v, want the end of the second", next)
	}
	wantTaken(t, l, at(999))
	batches := l.Take(at(1000))
	if diff := cmp.Diff([]string{"web: b c d"}, hosts(batches)); diff != "" {
		t.Fatalf("taken after a second (-want +got):\n%s", diff)
	}
	if b := batches[0]; !b.First.Equal(at(100)) || !b.Last.Equal(at(200)) {
		t.Errorf("batch from %v to %v, want 100ms to 200ms", b.First.Sub(noon), b.Last.Sub(noon))
	}
	if next := l.Next(at(1000)); !next.IsZero() {
		t.Errorf("nothing waits, yet the next is due at %v", next)
	}
	l.Add(lesson(web, at(5000), "e"), &nothing)
	wantTaken(t, l, at(5000), "web: e")
	if len(l.workloads) != 1 {
		t.Errorf("%d workloads are remembered, want only the one within its window", len(l.workloads))
	}
}

func TestLearnerIgnoresWhatIsKnown(t *testing.T) {
	var status v1alpha1.WorkloadScopeStatus
	Merge(&status, batch(noon, sighting("a", v1alpha1.SeenDialled, 80)))
	status.Dependencies = append(status.Dependencies, v1alpha1.Dependency{Host: "static", Source: v1alpha1.SourceHeadless})

	l := NewLearner(LearnerConfig{})
	for _, step := range []struct {
		lesson Lesson
		want   Verdict
	}{
		{lesson(web, noon.Add(59*time.Minute), "a"), Repeated},
		{lesson(web, noon.Add(60*time.Minute), "a"), Pending},
		{lesson(web, noon, "static"), Pending},
		{lesson(web, noon, "b"), Pending},
		{lesson(web, noon, "b"), Repeated},
		{Lesson{Workload: web, At: noon, Services: []Sighting{sighting("a", v1alpha1.SeenUpstream, 80)}}, Pending},
		{Lesson{Workload: web, At: noon, Services: []Sighting{sighting("a", v1alpha1.SeenDialled, 81)}}, Pending},
		{Lesson{Workload: web, At: noon, Services: []Sighting{sighting("a", v1alpha1.SeenDialled, 0)}}, Repeated},
	} {
		if got := l.Add(step.lesson, &status); got != step.want {
			t.Errorf("Add(%v) = %s, want %s", step.lesson.Services, got, step.want)
		}
	}
}

func TestLearnerLimitsTheWhole(t *testing.T) {
	l := NewLearner(LearnerConfig{Rate: 10, Burst: 2})
	for i := range 5 {
		w := mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: fmt.Sprintf("w%d", i)}
		l.Add(lesson(w, noon.Add(time.Duration(-i)*time.Millisecond), "a"), &nothing)
	}
	now := noon
	wantTaken(t, l, now, "w4: a", "w3: a")
	wantTaken(t, l, now)
	for _, want := range []string{"w2: a", "w1: a", "w0: a"} {
		next := l.Next(now)
		if wait := next.Sub(now); wait < 50*time.Millisecond || wait > 150*time.Millisecond {
			t.Fatalf("the next batch waits %v, want about 100ms", wait)
		}
		now = next
		wantTaken(t, l, now, want)
	}
}

func TestLearnerHandsOutTheRest(t *testing.T) {
	l := NewLearner(LearnerConfig{Rate: 1, Burst: 1})
	l.Add(lesson(web, noon, "a"), &nothing)
	wantTaken(t, l, noon, "web: a")
	l.Add(lesson(web, noon.Add(2*time.Millisecond), "c", "b"), &nothing) // within its window
	l.Add(lesson(job, noon.Add(1*time.Millisecond), "a"), &nothing)      // too many for the rate
	wantTaken(t, l, noon.Add(3*time.Millisecond))
	if diff := cmp.Diff([]string{"job: a", "web: b c"}, hosts(l.Rest())); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	if rest := l.Rest(); len(rest) > 0 {
		t.Errorf("after the rest there are %v", hosts(rest))
	}
}

func TestLearnerIsBounded(t *testing.T) {
	l := NewLearner(LearnerConfig{MaxWorkloads: 1, MaxPending: 2})
	if got := l.Add(lesson(web, noon, "a", "b", "c"), &nothing); got != Overflow {
		t.Errorf("a third pending service: %s, want %s", got, Overflow)
	}
	if got := l.Add(lesson(job, noon, "a"), &nothing); got != Overflow {
		t.Errorf("a second workload: %s, want %s", got, Overflow)
	}
	wantTaken(t, l, noon, "web: a b")
	if got := l.Add(lesson(job, noon, "a"), &nothing); got != Overflow {
		t.Errorf("a second workload within the window of the first: %s, want %s", got, Overflow)
	}
	wantTaken(t, l, noon.Add(time.Second))
	if got := l.Add(lesson(job, noon, "a"), &nothing); got != Pending {
		t.Errorf("a second workload after the first: %s, want %s", got, Pending)
	}
}

// What is only still used waits for what is new, and does not take all the room.
func TestLearnerPutsNewsFirst(t *testing.T) {
	var status v1alpha1.WorkloadScopeStatus
	Merge(&status, batch(noon, sighting("a", v1alpha1.SeenDialled, 80)))
	l := NewLearner(LearnerConfig{MaxWorkloads: 3})
	later := noon.Add(time.Hour)
	for _, step := range []struct {
		lesson Lesson
		want   Verdict
	}{
		{lesson(web, later, "a"), Pending},
		{lesson(mesh.WorkloadKey{Name: "other"}, later, "a"), Overflow},
		{lesson(job, later.Add(time.Second), "b"), Pending},
	} {
		if got := l.Add(step.lesson, &status); got != step.want {
			t.Errorf("Add(%s %v) = %s, want %s", step.lesson.Workload, step.lesson.Services, got, step.want)
		}
	}
	wantTaken(t, l, later.Add(time.Second), "job: b", "web: a")
}

func TestLearnerTakesABatchBack(t *testing.T) {
	l := NewLearner(LearnerConfig{})
	l.Add(lesson(web, noon, "a"), &nothing)
	taken := l.Take(noon)
	l.Add(lesson(web, noon.Add(500*time.Millisecond), "b"), &nothing)
	if got := l.Return(taken[0]); got != Pending {
		t.Errorf("Return: %s", got)
	}
	wantTaken(t, l, noon.Add(500*time.Millisecond))
	again := l.Take(noon.Add(time.Second))
	if diff := cmp.Diff([]string{"web: a b"}, hosts(again)); diff != "" {
		t.Errorf("taken again (-want +got):\n%s", diff)
	}
	if !again[0].First.Equal(noon) || !again[0].Last.Equal(noon.Add(500*time.Millisecond)) {
		t.Errorf("batch from %v to %v", again[0].First, again[0].Last)
	}
}

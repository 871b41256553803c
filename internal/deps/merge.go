package deps

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

const (
	// MaxLearned is how many services a scope learns at most. With hosts of the greatest length, and the managed fields
	// the API server keeps for each entry, a scope of that many stays below 1 MiB; etcd takes 1.5 MiB.
	MaxLearned = 1000
	// maxPorts bounds the ports recorded of one service, for the same reason.
	maxPorts = 8
)

// Merge records the batch in a scope's status, whose dependencies it leaves sorted by host. It reports whether anything
// changed and which services are new, sorted. A service that was in scope for another reason becomes an observed one.
// Once [MaxLearned] services were learned, no other is: their traffic keeps taking the fallback. What the batch tells of the
// workload's sidecars is recorded too, and when each dependency expires.
func Merge(status *v1alpha1.WorkloadScopeStatus, batch Batch) (changed bool, learned []string) {
	byHost := func(a, b v1alpha1.Dependency) int { return strings.Compare(a.Host, b.Host) }
	deps := slices.Clone(status.Dependencies)
	if !slices.IsSortedFunc(deps, byHost) {
		slices.SortFunc(deps, byHost)
		changed = true
	}
	exactly := precision(status.Expiry)
	observed := countObserved(deps)
	for _, s := range batch.Services {
		i, found := slices.BinarySearchFunc(deps, string(s.Host), func(d v1alpha1.Dependency, host string) int {
			return strings.Compare(d.Host, host)
		})
		if !found || deps[i].Source != v1alpha1.SourceObserved {
			if observed >= MaxLearned {
				continue
			}
			observed++
			learned = append(learned, string(s.Host))
		}
		if !found {
			deps = slices.Insert(deps, i, v1alpha1.Dependency{Host: string(s.Host)})
		}
		if updated, ok := record(deps[i], s, batch, exactly); ok {
			deps[i] = updated
			changed = true
		}
	}
	if !batch.Reported.IsZero() && !heard(status.Expiry, batch.Reported) {
		status.Expiry = hear(status.Expiry, batch.Reported)
		changed = true
	}
	if changed {
		status.Dependencies = deps
		Date(status)
	}
	slices.Sort(learned)
	return changed, learned
}

// record returns the dependency with the sighting noted in it, and whether that made a difference.
func record(d v1alpha1.Dependency, s Sighting, batch Batch, exactly time.Duration) (v1alpha1.Dependency, bool) {
	last := batch.Last.UTC().Truncate(exactly)
	if says(d, s) && !d.LastSeen.Time.Before(last) && d.Namespace == s.Namespace {
		return d, false
	}
	d.Source = v1alpha1.SourceObserved
	d.Namespace = s.Namespace
	if !slices.Contains(d.SeenAs, s.As) {
		d.SeenAs = insert(d.SeenAs, s.As)
	}
	if missesPort(d, s.Port) {
		d.Ports = insert(d.Ports, int32(s.Port))
	}
	if d.FirstSeen == nil {
		d.FirstSeen = seconds(batch.First)
	}
	if d.LastSeen == nil || d.LastSeen.Time.Before(last) {
		d.LastSeen = &metav1.Time{Time: last}
	}
	return d, true
}

// compare reports whether a scope's status says what a sighting of a lesson tells, and whether that includes when.
func compare(status *v1alpha1.WorkloadScopeStatus, s Sighting, lesson Lesson) (known, current bool) {
	last := lesson.At.Truncate(precision(status.Expiry))
	for i := range status.Dependencies {
		if d := &status.Dependencies[i]; d.Host == string(s.Host) {
			known = says(*d, s)
			current = known && !d.LastSeen.Time.Before(last) && (!lesson.Direct || heard(status.Expiry, lesson.At))
			return known, current
		}
	}
	return false, false
}

// says reports whether the dependency has all that a sighting tells but for its time.
func says(d v1alpha1.Dependency, s Sighting) bool {
	return d.Source == v1alpha1.SourceObserved &&
		d.FirstSeen != nil && d.LastSeen != nil &&
		slices.Contains(d.SeenAs, s.As) &&
		!missesPort(d, s.Port)
}

func missesPort(d v1alpha1.Dependency, port uint16) bool {
	return port != 0 && len(d.Ports) < maxPorts && !slices.Contains(d.Ports, int32(port))
}

func countObserved(deps []v1alpha1.Dependency) int {
	n := 0
	for i := range deps {
		if deps[i].Source == v1alpha1.SourceObserved {
			n++
		}
	}
	return n
}

// insert returns a sorted copy with the value in it; the original may belong to a cache.
func insert[T cmp.Ordered](list []T, v T) []T {
	list = append(slices.Clone(list), v)
	slices.Sort(list)
	return list
}

// seconds is the precision in which the API server keeps times.
func seconds(t time.Time) *metav1.Time { return &metav1.Time{Time: t.UTC().Truncate(time.Second)} }

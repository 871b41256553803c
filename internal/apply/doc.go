// Package apply carries out what was decided: it writes, updates and deletes objects, paced, and touches nothing that is
// not marked as managed by LazyXDS.
package apply

import (
	"time"

	"golang.org/x/time/rate"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// FieldOwner is the name under which the API server records what LazyXDS wrote.
const FieldOwner = client.FieldOwner("lazyxds")

const (
	// writesPerSecond and burst bound what one controller may do to the API server, and through it to istiod.
	writesPerSecond = 100
	burst           = 200
	// patience is how long one object may take to write. An API server that hangs must not hang who calls it.
	patience = 10 * time.Second
)

// Applier writes to the cluster. Its methods may be called at once from several goroutines.
type Applier struct {
	client  client.Client
	limiter *rate.Limiter
}

// New makes an applier. The client must read from the API server itself: what is decided after a conflict, or before a
// deletion, must not rest on a cache.
func New(c client.Client) *Applier {
	return &Applier{client: c, limiter: rate.NewLimiter(writesPerSecond, burst)}
}

package watch

import (
	"context"
	"time"
)

// askAgain is how often the cluster is asked for kinds that it does not serve.
const askAgain = 30 * time.Second

// Late waits until the cluster serves a kind that it did not serve when the watch was made, and returns the kind's name.
// Informers are made at the start only, so whoever runs the watch has to begin anew. It returns nothing if ctx ends first.
func (w *Watch) Late(ctx context.Context) string {
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-ticker.C:
		}
		for _, kind := range w.missing {
			if served, err := w.served(kind); err == nil && served {
				return kind.Kind
			}
		}
	}
}

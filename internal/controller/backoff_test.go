package controller

import (
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestBackoff(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stubborn, other := mesh.Key{Namespace: "demo", Name: "stubborn"}, mesh.Key{Namespace: "demo", Name: "other"}
	b := backoff{}
	for _, wait := range []time.Duration{500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000} {
		b.failed(stubborn, now)
		want := now.Add(wait * time.Millisecond)
		if got := b.next(now); !got.Equal(want) {
			t.Errorf("next after %v, want %v", got.Sub(now), wait*time.Millisecond)
		}
		if !b.blocks(stubborn, want.Add(-1)) || b.blocks(stubborn, want) || b.blocks(other, now) {
			t.Errorf("blocked for another time than %v, or another object is", wait*time.Millisecond)
		}
		now = want
	}
	b.failed(stubborn, now)
	b.failed(other, now)
	b.succeeded(other)
	if later := now.Add(time.Hour); !b.next(later).IsZero() || len(b) != 0 {
		t.Errorf("what nobody wants any more is remembered: %v", b)
	}
}

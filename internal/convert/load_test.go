package convert_test

import (
	"testing"

	"sigs.k8s.io/yaml"
)

// load reads one API object from YAML, the way users write it.
func load[T any](t *testing.T, text string) *T {
	t.Helper()
	out := new(T)
	if err := yaml.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("read fixture: %v", err)
	}
	return out
}

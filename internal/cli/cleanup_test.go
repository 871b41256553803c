package cli

import (
	"errors"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]error{
		"y\n": nil, "Yes\n": nil, " yes": nil,
		"": errNotConfirmed, "\n": errNotConfirmed, "n\n": errNotConfirmed, "yikes\n": errNotConfirmed,
	} {
		streams, in, _, _ := genericiooptions.NewTestIOStreams()
		in.WriteString(answer)
		o := &cleanupOptions{command: &command{IOStreams: streams}}
		if err := o.confirm(); !errors.Is(err, want) {
			t.Errorf("answer %q: got %v, want %v", answer, err, want)
		}
	}
}

package kubelet

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSeekTail(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	for _, test := range []struct {
		name, text string
		lines      int
		want       string
	}{
		{"last", "a\nb\nc\n", 1, "c\n"},
		{"two", "a\nb\nc\n", 2, "b\nc\n"},
		{"all", "a\nb\nc\n", 3, "a\nb\nc\n"},
		{"more than there are", "a\nb\n", 9, "a\nb\n"},
		{"no end of line", "a\nb\nc", 2, "b\nc"},
		{"empty lines", "a\n\n\n", 2, "\n\n"},
		{"empty", "", 3, ""},
		{"longer than a block", "a\n" + long + "\n" + long + "\n", 2, long + "\n" + long + "\n"},
	} {
		r := strings.NewReader(test.text)
		if err := seekTail(r, test.lines); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got, _ := io.ReadAll(r); string(got) != test.want {
			t.Errorf("%s: %d bytes, want %d", test.name, len(got), len(test.want))
		}
	}
}

func TestFollowerReadsToTheEndOfAnEndedContainer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ended := make(chan struct{})
	close(ended)
	var got bytes.Buffer
	if _, err := io.Copy(&got, &follower{ctx: t.Context(), file: file, ended: ended}); err != nil {
		t.Fatal(err)
	}
	if got.String() != "one\ntwo\n" {
		t.Errorf("read %q", got.String())
	}
}

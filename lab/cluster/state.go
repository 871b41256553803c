package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// state is what is written down about a lab, so that any later process finds it.
type state struct {
	Name      string    `json:"name"`
	Istio     string    `json:"istio"`
	Family    Family    `json:"family"`
	Repo      string    `json:"repo"`
	Created   time.Time `json:"created"`
	Ready     bool      `json:"ready"`
	Kubectl   string    `json:"kubectl"`
	Helm      string    `json:"helm"`
	Samples   string    `json:"samples"`
	Processes []process `json:"processes"`
}

func stateFile(name string) string { return filepath.Join(runDir(name), "state.json") }

// readState reads a lab's state; [ErrNotFound] when there is none.
func readState(name string) (state, error) {
	text, err := os.ReadFile(stateFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return state{}, fmt.Errorf("read the state of lab %s: %w", name, err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, fmt.Errorf("read the state of lab %s: %w", name, err)
	}
	return s, nil
}

// write replaces the state at once, so that a crash leaves the old or the new one.
func (s state) write() error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the state of lab %s: %w", s.Name, err)
	}
	tmp := stateFile(s.Name) + ".new"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the state of lab %s: %w", s.Name, err)
	}
	if err := os.Rename(tmp, stateFile(s.Name)); err != nil {
		return fmt.Errorf("write the state of lab %s: %w", s.Name, err)
	}
	return nil
}

// record replaces the process of the same component, or adds it.
func (s *state) record(p process) {
	if i := s.index(p.Component); i >= 0 {
		s.Processes[i] = p
		return
	}
	s.Processes = append(s.Processes, p)
}

func (s *state) index(component string) int {
	return slices.IndexFunc(s.Processes, func(p process) bool { return p.Component == component })
}

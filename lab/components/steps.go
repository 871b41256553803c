package components

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Steps prints the progress of long steps: a line that counts up on a terminal, else a line now and then, and in
// both cases one line with the time taken at the end. Steps that end at once print nothing.
type Steps struct {
	mu    sync.Mutex
	out   io.Writer
	every time.Duration
	live  bool
}

// silent is how long a step may take without being mentioned: with everything cached there is nothing to say.
const silent = 2 * time.Second

// NewSteps prints to out.
func NewSteps(out io.Writer) *Steps {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &Steps{out: out, every: time.Second, live: true}
	}
	return &Steps{out: out, every: 20 * time.Second}
}

// Start announces a step; the returned function ends it.
func (s *Steps) Start(what string) func(error) {
	begin := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		wait := s.every
		if s.live {
			wait = silent
		}
		for {
			select {
			case <-stop:
				return
			case <-time.After(wait):
				s.running(what, time.Since(begin))
				wait = s.every
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		s.ended(what, time.Since(begin), err)
	}
}

func (s *Steps) running(what string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		fmt.Fprintf(s.out, "\r  %-44s %4.0f s", what+" …", d.Seconds())
		return
	}
	fmt.Fprintf(s.out, "  %s … %.0f s\n", what, d.Seconds())
}

func (s *Steps) ended(what string, d time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && d < silent {
		return
	}
	begin, outcome := "", ""
	if s.live {
		begin = "\r"
	}
	if err != nil {
		outcome = "  failed"
	}
	fmt.Fprintf(s.out, "%s  %-44s %4.0f s%s\n", begin, what, d.Seconds(), outcome)
}

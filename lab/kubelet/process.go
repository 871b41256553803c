package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A process is one run of a container's command.
type process struct {
	cmd   *exec.Cmd
	spec  initSpec
	began time.Time
	done  chan struct{} // closed when it has ended and the container's state says so
}

func (p *process) signal(sig syscall.Signal) {
	// The only error is that it has ended already, which the caller sees by done.
	_ = p.cmd.Process.Signal(sig)
}

// wait waits for the end of the process and returns its exit code, as a shell would tell it.
func (p *process) wait() (code int, sig int) {
	_ = p.cmd.Wait() // what it says is in the process state
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal()), int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode(), 0
}

// A starter starts container processes from one thread that never ends. The kernel kills a container when the thread that
// started it is gone, not only when the kubelet is, and Go ends threads of its own accord.
type starter struct {
	requests chan startRequest
}

type startRequest struct {
	cmd    *exec.Cmd
	result chan error
}

func newStarter() *starter {
	s := &starter{requests: make(chan startRequest)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.result <- r.cmd.Start()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	r := startRequest{cmd: cmd, result: make(chan error, 1)}
	s.requests <- r
	return <-r.result
}

// spawn starts a container process with its output going to log, and returns when its namespaces and mounts are complete and
// it runs: before that nothing must be executed in it.
func (s *starter) spawn(spec initSpec, log *os.File) (*process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	specReader, specWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer specReader.Close()
	defer specWriter.Close()
	statusReader, statusWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer statusReader.Close()
	defer statusWriter.Close()

	cmd := exec.Command("/proc/self/exe", "container-init")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{specReader, statusWriter}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		// With a PID namespace of its own a container ends wholly when its first process does.
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := s.start(cmd); err != nil {
		return nil, fmt.Errorf("start container: %w", err)
	}
	specReader.Close()
	statusWriter.Close()
	_, err = specWriter.Write(text)
	specWriter.Close()
	status, readErr := io.ReadAll(statusReader)
	if err := errors.Join(err, readErr); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("hand over container spec: %w", err)
	}
	if len(status) > 0 {
		_ = cmd.Wait()
		return nil, errors.New(string(status))
	}
	return &process{cmd: cmd, spec: spec, began: time.Now(), done: make(chan struct{})}, nil
}

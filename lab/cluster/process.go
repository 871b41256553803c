package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// process is a started daemon. The start time tells it from a later process with the same number.
type process struct {
	Component string   `json:"component"`
	PID       int      `json:"pid"`
	Started   uint64   `json:"started"`
	Args      []string `json:"args"`
}

// spawn starts args as a daemon of the lab: in its own session, inside the node's network namespace, with its output
// in a log file and files as its descriptors from 3 on.
func spawn(lab, component string, args []string, files ...*os.File) (process, error) {
	log, err := os.OpenFile(logFile(lab, component), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return process{}, fmt.Errorf("start %s: %w", component, err)
	}
	defer log.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = files
	cmd.Dir = runDir(lab)
	cmd.Env = daemonEnv(lab)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := netspace.In(nodeNetns(lab), cmd.Start); err != nil {
		return process{}, fmt.Errorf("start %s: %w", component, err)
	}
	stat, err := readStat(cmd.Process.Pid)
	// A starter that lives on, such as a test, has to take the exit status, or a dead daemon would seem to run.
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return process{}, fmt.Errorf("start %s: it ended at once, see %s", component, log.Name())
	}
	return process{Component: component, PID: cmd.Process.Pid, Started: stat.started, Args: args}, nil
}

// daemonEnv is all that daemons see of the caller's environment: a proxy set there would take their requests out of
// the lab.
func daemonEnv(lab string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + runDir(lab), markEnv + "=" + lab}
}

func logFile(lab, component string) string {
	return filepath.Join(runDir(lab), "logs", component+".log")
}

// running tells whether p still runs; a zombie does not.
func (p process) running() bool {
	stat, err := readStat(p.PID)
	return err == nil && stat.started == p.Started && stat.state != 'Z' && stat.state != 'X'
}

// signal sends sig to p, unless its number belongs to another process by now.
func (p process) signal(sig syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("signal %s: it does not run", p.Component)
	}
	if err := syscall.Kill(p.PID, sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.Component, err)
	}
	return nil
}

// procStat holds the fields of /proc/PID/stat that identify a process.
type procStat struct {
	state   byte
	started uint64
}

func readStat(pid int) (procStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	return parseStat(string(text))
}

// parseStat starts behind the command name, which may hold blanks and brackets itself.
func parseStat(text string) (procStat, error) {
	const stateField, startedField = 0, 19
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= startedField {
		return procStat{}, fmt.Errorf("parse process status %q: too few fields", text)
	}
	started, err := strconv.ParseUint(fields[startedField], 10, 64)
	if err != nil {
		return procStat{}, fmt.Errorf("parse process start time: %w", err)
	}
	return procStat{state: fields[stateField][0], started: started}, nil
}

// lastLines returns the end of a component's log, for errors.
func lastLines(lab, component string, n int) string {
	text, err := os.ReadFile(logFile(lab, component))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

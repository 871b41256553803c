package kubelet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	"golang.org/x/sys/unix"
	utilexec "k8s.io/utils/exec"
)

// command is a command in the running container, as its user and with its environment. Ending ctx ends the command.
func (c *container) command(ctx context.Context, argv []string) (*exec.Cmd, error) {
	proc := c.running()
	if proc == nil {
		return nil, fmt.Errorf("container %s is not running", c.name)
	}
	if len(argv) == 0 {
		return nil, errors.New("no command given")
	}
	args := []string{
		"--target", strconv.Itoa(proc.cmd.Process.Pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--wd",
		"--setuid", strconv.Itoa(proc.spec.UID), "--setgid", strconv.Itoa(proc.spec.GID), "--",
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, argv...)...)
	cmd.Env = proc.spec.Env
	// nsenter waits for a child, which has to go with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // somebody may have kept its output open
	return cmd, nil
}

// runQuietly runs a command whose output matters only if it fails.
func runQuietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if text := bytes.TrimSpace(out); err != nil && len(text) > 0 {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// exec runs a command in the container for a client of the API.
func (c *container) exec(ctx context.Context, argv []string, attach api.AttachIO) error {
	if attach.TTY() {
		// The session has to be led from inside the container's PID namespace: a shell looks for its terminal's processes there.
		argv = append([]string{"setsid", "--ctty"}, argv...)
	}
	cmd, err := c.command(ctx, argv)
	if err != nil {
		return err
	}
	if attach.TTY() {
		err = runOnTerminal(cmd, attach)
	} else {
		err = runOnPipes(cmd, attach)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code := exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal())
		}
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

func runOnPipes(cmd *exec.Cmd, attach api.AttachIO) error {
	if out := attach.Stdout(); out != nil {
		cmd.Stdout = out
	}
	if out := attach.Stderr(); out != nil {
		cmd.Stderr = out
	}
	in := attach.Stdin()
	if in == nil {
		return cmd.Run()
	}
	// Not cmd.Stdin: the command's end must not wait for that of the client's input.
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(pipe, in) // a command need not read all of its input
		_ = pipe.Close()
	}()
	return cmd.Wait()
}

func runOnTerminal(cmd *exec.Cmd, attach api.AttachIO) error {
	ours, theirs, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open terminal: %w", err)
	}
	defer ours.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	if err := cmd.Start(); err != nil {
		theirs.Close()
		return err
	}
	theirs.Close()
	ended := make(chan struct{})
	defer close(ended)
	go followSize(ours, attach.Resize(), ended)
	if in := attach.Stdin(); in != nil {
		go func() { _, _ = io.Copy(ours, in) }() // ends with the terminal
	}
	if out := attach.Stdout(); out != nil {
		_, _ = io.Copy(out, ours) // ends with an error when the last process has closed the terminal
	}
	return cmd.Wait()
}

func followSize(terminal *os.File, sizes <-chan api.TermSize, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case size := <-sizes:
			// A terminal of the wrong size, or one that is just being closed, is no reason to end.
			_ = control(terminal, func(fd int) error {
				return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
			})
		}
	}
}

// openTerminal opens both ends of a new pseudo-terminal.
func openTerminal() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	var number int
	err = control(ours, func(fd int) (err error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err == nil {
		theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	return ours, theirs, nil
}

// control calls f with the file's descriptor, which stays open meanwhile.
func control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return err
	}
	return result
}

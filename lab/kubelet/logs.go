package kubelet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
)

// openLog opens the file for the output of the container's next run, which the user uid may open again as /dev/stdout.
// The run before is kept, those before it are not.
func (c *container) openLog(uid int) (*os.File, error) {
	c.pod.mu.Lock()
	c.runs++
	runs := c.runs
	c.pod.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(c.logFile(runs)), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(c.logFile(runs - 2)); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	log, err := os.OpenFile(c.logFile(runs), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return log, log.Chown(uid, -1)
}

func (c *container) logFile(run int) string {
	return filepath.Join(c.pod.dir, "logs", c.name, strconv.Itoa(run)+".log")
}

// logs opens what the container has written.
func (c *container) logs(ctx context.Context, opts api.ContainerLogOpts) (io.ReadCloser, error) {
	if opts.Timestamps || opts.SinceSeconds > 0 || !opts.SinceTime.IsZero() {
		return nil, errdefs.InvalidInput("the lab keeps no times with its logs: --timestamps, --since and --since-time do not work")
	}
	c.pod.mu.Lock()
	run, proc := c.runs, c.process
	c.pod.mu.Unlock()
	if opts.Previous {
		run--
		opts.Follow = false
	}
	if run <= 0 {
		return nil, c.noLogs(opts.Previous)
	}
	file, err := os.Open(c.logFile(run))
	if err != nil {
		return nil, errdefs.AsNotFound(err)
	}
	if opts.Tail > 0 {
		if err := seekTail(file, opts.Tail); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	var reader io.Reader = file
	if opts.Follow && proc != nil {
		reader = &follower{ctx: ctx, file: file, ended: proc.done}
	}
	if opts.LimitBytes > 0 {
		reader = io.LimitReader(reader, int64(opts.LimitBytes))
	}
	return struct {
		io.Reader
		io.Closer
	}{reader, file}, nil
}

func (c *container) noLogs(previous bool) error {
	if previous {
		return errdefs.InvalidInputf("previous terminated container %q in pod %q not found", c.name, c.pod.meta().Name)
	}
	return errdefs.InvalidInputf("container %q in pod %q is waiting to start", c.name, c.pod.meta().Name)
}

// followPeriod is how often a followed log is looked at.
const followPeriod = 100 * time.Millisecond

// A follower reads a growing file until its writer has ended.
type follower struct {
	ctx   context.Context
	file  *os.File
	ended <-chan struct{}
}

func (f *follower) Read(buffer []byte) (int, error) {
	for {
		ended := isClosed(f.ended) // before reading, so that the last words are not missed
		n, err := f.file.Read(buffer)
		if n > 0 || !errors.Is(err, io.EOF) || ended {
			return n, err
		}
		if !sleep(f.ctx, followPeriod) {
			return 0, io.EOF
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// seekTail sets the file to the beginning of its last lines.
func seekTail(file io.ReadSeeker, lines int) error {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const block = 64 << 10
	buffer := make([]byte, block)
	position := end
	for position > 0 {
		size := min(position, block)
		position -= size
		if _, err := file.Seek(position, io.SeekStart); err != nil {
			return err
		}
		part := buffer[:size]
		if _, err := io.ReadFull(file, part); err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		if position+size == end { // the last line's own end begins no further line
			part = bytes.TrimSuffix(part, []byte("\n"))
		}
		for i := bytes.LastIndexByte(part, '\n'); i >= 0; i = bytes.LastIndexByte(part[:i], '\n') {
			if lines--; lines == 0 {
				_, err := file.Seek(position+int64(i)+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

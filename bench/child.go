package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is this program once more, in one of its other roles. It prints one line of JSON when it is ready, and ends when
// its standard input does.
type child struct {
	role  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	Ready ready
}

// ready is the first line a child prints.
type ready struct {
	Listen, Gateway, ExtAuthz, Ops string // host:port; empty: none
}

func spawn(ctx context.Context, role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: exec.CommandContext(ctx, self, append([]string{role}, args...)...)}
	c.cmd.Stderr = os.Stderr
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 10 * time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 1<<20)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if err := c.receive(&c.Ready); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// receive reads the child's next line.
func (c *child) receive(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s said nothing more: %w", c.role, err)
	}
	return json.Unmarshal(line, v)
}

// ask sends the child a line and reads its answer.
func (c *child) ask(question, answer any) error {
	line, err := json.Marshal(question)
	if err != nil {
		return err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s does not listen: %w", c.role, err)
	}
	return c.receive(answer)
}

func (c *child) stop() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}

// resident is the child's resident memory in bytes (VmRSS).
func (c *child) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

// cpu is the processor time the child has used so far.
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it (proc(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is short")
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// settle waits until the child has been all but idle for longer than its slowest periodic work takes to come round, and
// returns the processor time it still used until then.
func (c *child) settle() (time.Duration, error) {
	const step, quietFor, most = 100 * time.Millisecond, 12, 300
	first, err := c.cpu()
	if err != nil {
		return 0, err
	}
	last, quiet := first, 0
	for range most {
		time.Sleep(step)
		used, err := c.cpu()
		if err != nil {
			return 0, err
		}
		quiet++
		if used-last > step/5 {
			quiet = 0
		}
		if last = used; quiet == quietFor {
			return last - first, nil
		}
	}
	return 0, fmt.Errorf("%s does not come to rest", c.role)
}

// announce is what a child prints when it is ready.
func announce(r ready) error { return json.NewEncoder(os.Stdout).Encode(r) }

// untilClosed ends ctx when the parent closes standard input, or is gone.
func untilClosed(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

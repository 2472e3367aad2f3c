package seal

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"
)

// derivation is one hash to compute: Argon2id (RFC 9106) of a key, which is what
// keying a password made of it. The password itself never leaves the server's process.
type derivation struct {
	Key, Salt []byte
	Cost      cost
	Size      uint32 // bytes
}

func (d derivation) tag() []byte {
	return argon2.IDKey(d.Key, d.Salt, d.Cost.Passes, d.Cost.Memory, d.Cost.Threads, d.Size)
}

// ServeHashes computes what a [Hasher] asks for on in, one after the other, until in
// ends. It runs only while nothing else wants the processor.
func ServeHashes(in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // never unlocked: the thread stays a slow one
	yieldToOthers()
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var d derivation
		if err := questions.Decode(&d); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !d.Cost.bounded() {
			return errPasswordHash
		}
		if err := answers.Encode(d.tag()); err != nil {
			return err
		}
	}
}

// hashProcess is a process that runs [ServeHashes]. Argon2id fills 19 MiB for every
// hash; in the server's own process that would set off its garbage collector each
// time, which then waits for the one thread that is meant to wait for all others.
type hashProcess struct {
	cmd       *exec.Cmd
	in        io.Closer
	questions *json.Encoder
	answers   *json.Decoder
}

// startHashProcess gives the process nothing but the pipes: no environment, and so
// no secret of the server's.
func startHashProcess(command []string) (*hashProcess, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &hashProcess{cmd: cmd, in: in, questions: json.NewEncoder(in), answers: json.NewDecoder(out)}, nil
}

func (p *hashProcess) ask(d derivation) (tag []byte, err error) {
	late := time.AfterFunc(hashTimeout, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.questions.Encode(d); err != nil {
		return nil, err
	}
	if err := p.answers.Decode(&tag); err != nil {
		return nil, err
	}
	if len(tag) != int(d.Size) {
		return nil, errPasswordHash
	}
	return tag, nil
}

// end closes the process's input, upon which it ends.
func (p *hashProcess) end() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

package seal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// ErrBusy says that so many passwords wait to be hashed that one more would wait
// for too long.
var ErrBusy = errors.New("too many passwords are being checked")

var errPasswordHash = errors.New("a stored password hash cannot be read")

// cost is what one hash costs (RFC 9106): memory in KiB, passes over it, lanes.
type cost struct {
	Memory  uint32
	Passes  uint32
	Threads uint8
}

// bounded is false of a cost that would keep the server busy.
func (c cost) bounded() bool {
	return c.Memory >= 1<<10 && c.Memory <= 1<<20 && c.Passes >= 1 && c.Passes <= 16 && c.Threads >= 1 && c.Threads <= 8
}

// today is OWASP's recommendation for Argon2id with the least memory traffic that
// still needs 19 MiB for each guess.
var today = cost{Memory: 19 << 10, Passes: 2, Threads: 1}

const (
	saltSize = 16
	tagSize  = 32

	// maxWaiting hashes may wait for each one that is being computed.
	maxWaiting = 32

	restAfter   = time.Minute
	hashTimeout = 30 * time.Second // of a process that does not answer
)

// Hasher hashes passwords with Argon2id. Only a part of the processors ever does
// so at once, and only so many callers wait, so that a flood of logins leaves the
// rest of the server its share.
type Hasher struct {
	pepper  []byte
	slots   chan struct{}
	waiting atomic.Int64
	cost    cost
	dummy   string

	command []string // of a process that computes; empty: this one does
	idle    chan *hashProcess
	rest    *time.Timer // ends the idle ones
}

// NewHasher makes a hasher that uses half of the processors, one at least. The
// command is that of a process which calls [ServeHashes]: as many as are needed are
// started, and ended when nobody has logged in for a minute. Without one, or where it
// does not start, hashes are computed in this process. Close ends what was started.
func NewHasher(s *Sealer, command ...string) *Hasher {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	h := &Hasher{pepper: s.password, slots: make(chan struct{}, slots), cost: today, command: command, idle: make(chan *hashProcess, slots)}
	h.rest = time.AfterFunc(restAfter, h.endIdle)
	var none [saltSize + tagSize]byte
	h.dummy = encodeHash(h.cost, none[:saltSize], none[saltSize:])
	return h
}

// Hash makes what is stored of a password: "$argon2id$v=19$m=…,t=…,p=…$salt$tag".
// The password goes in normalised (NFC) and keyed by the master key, so that
// neither its length changes the cost, nor a stolen database alone allows guesses.
// Errors: [ErrBusy], and that of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return encodeHash(h.cost, salt, h.derive(password, salt, h.cost, tagSize)), nil
}

// Verify compares in constant time. An empty hash, of a user who is unknown or has
// no password, costs as much and never is right. Stale says that the hash is of
// another cost than [Hasher.Hash] makes now, and should be made anew.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (right, stale bool, err error) {
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	c, salt, tag, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	got := h.derive(password, salt, c, uint32(len(tag)))
	return subtle.ConstantTimeCompare(got, tag) == 1 && known, c != h.cost, nil
}

func (h *Hasher) derive(password string, salt []byte, c cost, size uint32) []byte {
	m := hmac.New(sha256.New, h.pepper)
	m.Write([]byte(norm.NFC.String(password)))
	d := derivation{Key: m.Sum(nil), Salt: salt, Cost: c, Size: size}
	if tag := h.elsewhere(d); tag != nil {
		return tag
	}
	return aside(d.tag)
}

// elsewhere computes in another process, and returns nil where that cannot be had.
func (h *Hasher) elsewhere(d derivation) []byte {
	if len(h.command) == 0 {
		return nil
	}
	p, err := h.process()
	if err != nil {
		return nil
	}
	tag, err := p.ask(d)
	if err != nil {
		p.end()
		return nil
	}
	h.idle <- p
	h.rest.Reset(restAfter)
	return tag
}

func (h *Hasher) process() (*hashProcess, error) {
	select {
	case p := <-h.idle:
		return p, nil
	default:
		return startHashProcess(h.command)
	}
}

func (h *Hasher) endIdle() {
	for {
		select {
		case p := <-h.idle:
			p.end()
		default:
			return
		}
	}
}

// Close ends the processes that were started. Nothing may be hashed any more.
func (h *Hasher) Close() {
	h.rest.Stop()
	h.endIdle()
}

// aside computes on a thread of its own that yields the processor to all others. A
// goroutine that ends without letting go of its thread takes it along, so that
// nothing else ever runs on a slow one.
func aside(compute func() []byte) []byte {
	done := make(chan []byte)
	go func() {
		runtime.LockOSThread()
		yieldToOthers()
		done <- compute()
	}()
	return <-done
}

// Full reports whether the next would be refused: who asks first saves the work
// that would come before.
func (h *Hasher) Full() bool { return h.waiting.Load() >= int64(cap(h.slots)*(1+maxWaiting)) }

func (h *Hasher) enter(ctx context.Context) error {
	if h.waiting.Add(1) > int64(cap(h.slots)*(1+maxWaiting)) {
		h.waiting.Add(-1)
		return ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		h.waiting.Add(-1)
		return ctx.Err()
	}
}

func (h *Hasher) leave() {
	<-h.slots
	h.waiting.Add(-1)
}

func encodeHash(c cost, salt, tag []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads, b64.EncodeToString(salt), b64.EncodeToString(tag))
}

// decodeHash bounds the cost: an altered row must not keep the server busy.
func decodeHash(text string) (c cost, salt, tag []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errPasswordHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads); n != 3 || err != nil {
		return c, nil, nil, errPasswordHash
	}
	salt, wrongSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	tag, wrongTag := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case wrongSalt != nil, wrongTag != nil, len(salt) < 8, len(salt) > 64, len(tag) < 16, len(tag) > 64:
		return c, nil, nil, errPasswordHash
	case !c.bounded():
		return c, nil, nil, errPasswordHash
	}
	return c, salt, tag, nil
}

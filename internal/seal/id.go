package seal

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"
)

// idAlphabet is Crockford's base 32 in lower case: no i, l, o, u, and its order is the order of the bytes, so ids sort
// by their time as plain text.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const idLength = 26 // 130 bits of text for 128 bits: 48 of time, 80 random

// NewID makes an id such as org_01jx3v…: the prefix, an underscore, and 26 characters that begin with the time in
// milliseconds. Ids of one process are strictly increasing, even within a millisecond and when the clock is set back.
// They are names, not secrets.
func NewID(prefix string) string {
	return prefix + "_" + ids.next()
}

// ValidID says whether s has the form that [NewID] gives for prefix.
func ValidID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != 1+idLength || rest[0] != '_' {
		return false
	}
	_, ok = decodeID(rest[1:])
	return ok
}

// IDTime returns when an id of any prefix was made, to the millisecond; false if s has not the form of an id.
func IDTime(s string) (time.Time, bool) {
	cut := strings.LastIndexByte(s, '_')
	if cut < 1 || len(s)-cut-1 != idLength {
		return time.Time{}, false
	}
	raw, ok := decodeID(s[cut+1:])
	if !ok {
		return time.Time{}, false
	}
	ms := int64(0)
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC(), true
}

type idSource struct {
	mu   sync.Mutex
	now  func() time.Time
	ms   int64
	last [16]byte
}

var ids = &idSource{now: time.Now}

func (g *idSource) next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ms := g.now().UnixMilli(); ms > g.ms {
		g.ms = ms
		for i := range 6 {
			g.last[i] = byte(ms >> (40 - 8*i))
		}
		rand.Read(g.last[6:])
		return encodeID(g.last)
	}
	g.increment()
	return encodeID(g.last)
}

// increment adds one to the whole id. Eighty random bits that overflow carry into the time, which keeps the order.
func (g *idSource) increment() {
	for i := len(g.last) - 1; i >= 0; i-- {
		if g.last[i]++; g.last[i] != 0 {
			return
		}
	}
}

func encodeID(raw [16]byte) string {
	var text [idLength]byte
	// The first character carries the three highest bits alone, so that 26 characters hold 128 bits exactly.
	acc, bits, in := uint32(0), uint(2), 0
	for i := range text {
		for bits < 5 {
			acc = acc<<8 | uint32(raw[in])
			bits += 8
			in++
		}
		bits -= 5
		text[i] = idAlphabet[acc>>bits&31]
		acc &= 1<<bits - 1
	}
	return string(text[:])
}

func decodeID(s string) (raw [16]byte, ok bool) {
	if s[0] > '7' { // more than 128 bits
		return raw, false
	}
	acc, bits, out := uint32(0), uint(0), 0
	for i := range len(s) {
		v := strings.IndexByte(idAlphabet, s[i])
		if v < 0 {
			return raw, false
		}
		acc = acc<<5 | uint32(v)
		bits += 5
		if i == 0 {
			bits = 3
		}
		if bits >= 8 {
			bits -= 8
			raw[out] = byte(acc >> bits)
			out++
			acc &= 1<<bits - 1
		}
	}
	return raw, true
}

package verify

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// VerifyRequest checks the token of a request as [Verifier.VerifyFrom] does, and the proof that its sender holds the key it
// is bound to (RFC 9449, section 7.1). A bound token sent as a bearer's is refused, as is one that is not bound with the
// scheme DPoP. Every error is an *[Error].
func (v *Verifier) VerifyRequest(r *http.Request) (*Claims, error) {
	token, byKey, err := presented(r)
	if err != nil {
		return nil, err
	}
	claims, err := v.verify(r.Context(), token, v.address(r))
	if err != nil {
		return nil, err
	}
	switch {
	case claims.Confirmation == nil && byKey:
		return nil, ErrSender.because("the token is not bound to a key; send it as 'Authorization: Bearer …'")
	case claims.Confirmation == nil:
		return claims, nil
	case !byKey:
		return nil, ErrSender
	}
	if err := v.proves(r, token, claims.Confirmation.JKT); err != nil {
		return nil, err
	}
	return claims, nil
}

func (v *Verifier) proves(r *http.Request, token, thumbprint string) error {
	text, err := DPoPHeader(r.Header)
	if err != nil {
		return err
	}
	if text == "" {
		return ErrSender
	}
	proof, err := ReadDPoP(text, DPoPRequest{Method: r.Method, URL: v.url(r), AccessToken: token}, v.now())
	if err != nil {
		return err
	}
	if proof.Thumbprint != thumbprint {
		return ErrSender.because("the DPoP proof is signed with another key than the one that the token is bound to")
	}
	first, err := v.firstUse(r.Context(), proof.Thumbprint+proof.ID, proof.Until)
	switch {
	case err != nil:
		return ErrUnavailable.because("it cannot be told whether the DPoP proof was used before; try again").causedBy(err)
	case !first:
		return ErrDPoP.because("this DPoP proof was used before; make one for each request")
	}
	return nil
}

func requestURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + r.URL.EscapedPath()
}

func dpopChallenge(code, message string) string {
	return DPoPScheme + ` realm="daypass", algs="` + strings.Join(dpopAlgorithms, " ") + `", error="` + code +
		`", error_description="` + strings.NewReplacer(`"`, "'", "…", "...").Replace(message) + `"`
}

// maxProofs is how many used proofs a Verifier remembers; beyond it none is accepted until some are worthless. Those of one
// key are an eighth at most, so that its holder does not fill the memory for everybody: 180 in a second.
const (
	maxProofs      = 1 << 17
	maxProofsOfKey = maxProofs / 8
)

// thumbprintLength is that of a SHA-256 thumbprint in base64url, with which the id of a proof begins.
const thumbprintLength = 43

// proofMemory remembers used proofs until they are worthless. It cannot know what was used before it was made, so what was made
// before counts as used.
type proofMemory struct {
	now  func() time.Time
	born time.Time

	mu    sync.Mutex
	used  map[string]time.Time
	held  map[string]int // how many of them are of a key, by its thumbprint
	swept time.Time
}

func newProofMemory(now func() time.Time) *proofMemory {
	return &proofMemory{now: now, born: now().Truncate(time.Second), used: map[string]time.Time{}, held: map[string]int{}}
}

func (m *proofMemory) first(_ context.Context, id string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, key := m.now(), id[:thumbprintLength]
	full := len(m.used) >= maxProofs || m.held[key] >= maxProofsOfKey
	if rest := now.Sub(m.swept); rest > DPoPAge || full && rest > time.Second {
		m.sweep(now)
		full = len(m.used) >= maxProofs || m.held[key] >= maxProofsOfKey
	}
	if _, seen := m.used[id]; seen || until.Add(-DPoPAge-Leeway).Before(m.born) {
		return false, nil
	}
	if full {
		return false, errProofsFull
	}
	m.used[id] = until
	m.held[key]++
	return true, nil
}

func (m *proofMemory) sweep(now time.Time) {
	for id, until := range m.used {
		if !now.After(until) {
			continue
		}
		delete(m.used, id)
		key := id[:thumbprintLength]
		if m.held[key]--; m.held[key] == 0 {
			delete(m.held, key)
		}
	}
	m.swept = now
}

var errProofsFull = ErrUnavailable.because("too many DPoP proofs are in use to tell a replay")

package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// States of a claimed request. The store knows 0: at work.
const (
	changedUnanswered = 1 // the change stands; its answer is not kept yet, or was lost
	answered          = 2
)

const maxIdempotencyKey = 255 // bytes

var (
	errIdempotencyLost = &access.Error{
		Kind: access.Conflict, Code: "idempotency_lost", RetryAfter: time.Second,
		Message: "the request with this Idempotency-Key was carried out, but its answer is not at hand: try again in a moment, or look at what it made",
	}
	errLeaseLost = access.New(access.Conflict, "idempotency_in_progress", "this took so long that another request with the same Idempotency-Key took over; nothing was changed here")
)

// ticket ties the change of a request to its claim, through the context.
type ticket struct{ claim *store.IdempotencyClaim }

type ticketKey struct{}

func ticketOf(ctx context.Context) *ticket {
	t, _ := ctx.Value(ticketKey{}).(*ticket)
	return t
}

// mark records in the change itself that the request is carried out, so that a
// crash before its answer is kept cannot lead to doing it twice.
func (t *ticket) mark(tx *store.Tx) error {
	if t == nil {
		return nil
	}
	err := tx.FinishIdempotency(t.claim, store.IdempotencyAnswer{Status: changedUnanswered})
	if errors.Is(err, access.ErrNotFound) {
		return errLeaseLost
	}
	return err
}

// Idempotent runs do once for this caller, key and request, and gives its
// response to every later call within 24 hours (replayed: true). do must pass the
// context it is given to the one method it calls. Errors are not kept, except
// that a change which stands is never made again. An empty key just runs do.
//
// The key is the credential's own: another, or one with other authority, does not
// meet its answers. Codes: invalid_field (422); idempotency_key_reused (422: the
// same key, another requestHash); idempotency_in_progress (409); idempotency_lost
// (409: carried out, but its answer is not at hand).
func (s *Service) Idempotent(ctx context.Context, caller *access.Caller, key string, requestHash [32]byte, do func(ctx context.Context) (response []byte, err error)) (response []byte, replayed bool, err error) {
	if key == "" {
		response, err = do(ctx)
		return response, false, err
	}
	if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		var wrong faults
		wrong.invalid("/Idempotency-Key", "give at most %d visible ASCII characters", maxIdempotencyKey)
		return nil, false, wrong.err()
	}
	id := s.idempotencyID(caller, key)
	claim, kept, err := s.store.IdempotencyBegin(ctx, id, requestHash, s.now())
	if err != nil {
		return nil, false, err
	}
	if kept != nil {
		response, err = s.replay(id, kept)
		return response, err == nil, err
	}
	return s.once(ctx, id, claim, do)
}

// once carries out a claimed request and keeps its answer.
func (s *Service) once(ctx context.Context, id [32]byte, claim *store.IdempotencyClaim, do func(ctx context.Context) ([]byte, error)) ([]byte, bool, error) {
	kept := false
	after := context.WithoutCancel(ctx) // what happened must be written down, also if the client went away
	defer func() {
		if kept {
			return
		}
		// Where a change was marked, the claim stays: this gives back only a failure.
		if err := s.store.IdempotencyAbandon(after, claim); err != nil {
			s.log.ErrorContext(after, "an idempotency key is not given back", "error", err)
		}
	}()
	response, err := do(context.WithValue(ctx, ticketKey{}, &ticket{claim: claim}))
	if err != nil {
		return nil, false, err
	}
	box, err := s.sealer.Seal(response, answerIdentity(id))
	if err == nil {
		err = s.store.IdempotencyFinish(after, claim, store.IdempotencyAnswer{Status: answered, Body: box})
	}
	if err != nil {
		s.log.ErrorContext(after, "an answer is not kept for its idempotency key", "error", err)
	}
	kept = err == nil
	return response, false, nil
}

func (s *Service) replay(id [32]byte, kept *store.IdempotencyAnswer) ([]byte, error) {
	if kept.Status != answered {
		return nil, errIdempotencyLost
	}
	return s.sealer.Open(kept.Body, answerIdentity(id))
}

func answerIdentity(id [32]byte) string { return "idempotency/" + hex.EncodeToString(id[:]) }

// idempotencyID binds a key to whose it is and to what the credential may do: an
// answer may show a new key's text, which a narrower pass must not see. A renewed
// pass has its parent's authority, so that it meets the same answers.
func (s *Service) idempotencyID(caller *access.Caller, key string) [32]byte {
	authority := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", caller.Authority.Scopes.Strings(), caller.Authority.Roles, caller.Authority.Audiences))
	text := strings.Join([]string{caller.Organization.ID, caller.UserID + caller.Via, caller.KeyID + caller.Subject, hex.EncodeToString(authority[:]), key}, "\x00")
	return [32]byte(s.sealer.MAC("idempotency", []byte(text)))
}

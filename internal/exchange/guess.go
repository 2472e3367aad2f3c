package exchange

import (
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// falseProof is the cause of an error for a false proof that tells whose it was
// meant to be.
type falseProof struct{ organizationID, userID, name string }

func (*falseProof) Error() string        { return errFalse.Error() }
func (*falseProof) Is(target error) bool { return target == errFalse }

// blamed is an error that counts as a false proof.
type blamed struct{ error }

func (b *blamed) Is(target error) bool { return target == errFalse }
func (b *blamed) Unwrap() error        { return b.error }

// guarded runs a proof within the limits on guessing. A secret that can be guessed
// is not even looked at when they are used up. One that cannot is: else whoever
// shares an address with its owner could keep it from being used. Only the answer
// to a false one changes.
func (s *Service) guarded(account string, client Client, now time.Time, prove func() error) error {
	if account != "" {
		if err := s.admitGuess(account, client, now); err != nil {
			return err
		}
	}
	done := false
	defer func() {
		if !done && account != "" && s.Guesses != nil { // a panic
			s.Guesses.Dropped(account, client.Address)
		}
	}()
	err := prove()
	done = true
	isFalse := errors.Is(err, errFalse)
	if isFalse {
		s.noteAttempt(client, now, err)
	}
	if s.Guesses == nil {
		return err
	}
	switch {
	case isFalse && account == "":
		if limited := s.admitGuess("", client, now); limited != nil {
			err = limited
		}
		s.Guesses.Failed("", client.Address, now)
	case isFalse:
		s.Guesses.Failed(account, client.Address, now)
	case account == "":
	case err == nil:
		s.Guesses.Proved(account, client.Address)
	default:
		s.Guesses.Dropped(account, client.Address)
	}
	return err
}

func (s *Service) admitGuess(account string, client Client, now time.Time) error {
	if s.Guesses == nil {
		return nil
	}
	wait := s.Guesses.Admit(account, client.Address, now)
	if wait <= 0 {
		return nil
	}
	e := access.New(access.TooMany, "too_many_attempts", "too many attempts with wrong credentials; wait before the next one")
	e.RetryAfter = wait
	return e
}

// noteAttempt records who was tried, from where, and why it was refused.
func (s *Service) noteAttempt(client Client, now time.Time, err error) {
	if s.Attempted == nil {
		return
	}
	key := access.AttemptKey{Address: client.Address, Code: access.AsError(err).Code, Hour: now.Unix() / 3600}
	if whose := (*falseProof)(nil); errors.As(err, &whose) {
		key.OrganizationID, key.UserID = whose.organizationID, whose.userID
		if key.UserID != "" { // else people's passwords would be kept that they typed into the wrong field
			key.Account = whose.name
		}
	}
	s.Attempted(key, now)
}

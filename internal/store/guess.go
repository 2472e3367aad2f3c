package store

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Guesses returns what was counted of guesses after a time, and when the last of
// it was written: the latest limit accounts.
func (s queries) Guesses(ctx context.Context, since time.Time, limit int) (map[access.GuessAccount]access.Guesses, time.Time, error) {
	rows, err := s.q.GuessesSince(ctx, gen.GuessesSinceParams{Since: millis(since), Most: int32(limit)})
	if err != nil {
		return nil, since, translate(err)
	}
	found := make(map[access.GuessAccount]access.Guesses, len(rows))
	for _, row := range rows {
		if len(row.Account) != len(access.GuessAccount{}) {
			continue
		}
		g := access.Guesses{Strangers: row.Strangers, Owners: row.Owners, Last: fromMillis(row.Last), Known: parseKnown(row.Known)}
		found[access.GuessAccount(row.Account)] = g
		if at := fromMillis(row.Changed); at.After(since) {
			since = at
		}
	}
	return found, since, nil
}

func parseKnown(column string) [][8]byte {
	var known [][8]byte
	for _, text := range strings.Fields(column) {
		raw, err := hex.DecodeString(text)
		if err == nil && len(raw) == 8 {
			known = append(known, [8]byte(raw))
		}
	}
	return known
}

func knownText(known [][8]byte) string {
	texts := make([]string, len(known))
	for i, k := range known {
		texts[i] = hex.EncodeToString(k[:])
	}
	return strings.Join(texts, " ")
}

func writeGuesses(ctx context.Context, q *gen.Queries, b access.Batch) error {
	for account, g := range b.Guesses {
		row := gen.AddGuessesParams{
			Account: account[:], Strangers: g.Strangers, Owners: g.Owners, Last: millis(g.Last), Known: knownText(g.Known), Changed: millis(b.At),
		}
		write := q.AddGuesses
		if g.Reset {
			write = func(ctx context.Context, row gen.AddGuessesParams) error {
				return q.SetGuesses(ctx, gen.SetGuessesParams(row))
			}
		}
		if err := write(ctx, row); err != nil {
			return err
		}
	}
	for key, a := range b.Attempts {
		err := q.AddAttempt(ctx, gen.AddAttemptParams{
			Hour: key.Hour, OrganizationID: key.OrganizationID, UserID: key.UserID, Account: storable(key.Account),
			Address: addressText(key.Address), Code: key.Code, Count: a.Count, Last: millis(a.Last),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Attempts lists false proofs at users of an organization, the latest first;
// those at nobody's with an empty id.
func (s queries) Attempts(ctx context.Context, orgID string, since time.Time, limit int) ([]access.Attempts, error) {
	rows, err := s.q.AttemptsOfOrganization(ctx, gen.AttemptsOfOrganizationParams{OrganizationID: orgID, Since: since.Unix() / 3600, Most: atMost(limit)})
	return each(rows, err, func(row gen.Attempt) (access.Attempts, error) {
		address, err := parseAddress(row.Address)
		return access.Attempts{
			AttemptKey: access.AttemptKey{
				OrganizationID: row.OrganizationID, UserID: row.UserID, Account: row.Account, Address: address, Code: row.Code, Hour: row.Hour,
			},
			Count: row.Count, Last: fromMillis(row.Last),
		}, err
	})
}

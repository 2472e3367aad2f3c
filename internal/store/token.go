package store

import (
	"context"
	"math"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// TokenFilter selects records of tokens in one organization.
type TokenFilter struct {
	OrganizationID string
	KeyID          string    // empty: of all keys
	UserID         string    // empty: of all users
	LiveAt         time.Time // only what neither has expired nor is revoked then; zero: all records
}

// IssuedToken finds the record of a token of an organization.
func (s queries) IssuedToken(ctx context.Context, orgID, id string) (access.IssuedToken, error) {
	row, err := s.q.Token(ctx, gen.TokenParams{ID: id, OrganizationID: orgID})
	return one(row, err, issuedToken)
}

// Tokens returns a page of records of tokens, the newest first.
func (s queries) Tokens(ctx context.Context, f TokenFilter, page Page) ([]access.IssuedToken, error) {
	most := int(page.most())
	revoked := s.revocationCheck(f.LiveAt)
	var tokens []access.IssuedToken
	for {
		rows, err := s.tokenRows(ctx, f, page)
		read, err := each(rows, err, issuedToken)
		if err != nil {
			return nil, err
		}
		for _, t := range read {
			page.After = t.ID
			if f.UserID != "" && t.UserID != f.UserID {
				continue
			}
			dead, err := revoked(ctx, t)
			if err != nil {
				return nil, err
			}
			if dead {
				continue
			}
			if tokens = append(tokens, t); len(tokens) == most {
				return tokens, nil
			}
		}
		if len(read) < most {
			return tokens, nil
		}
	}
}

// tokenRows reads by the index of the narrowest part of the filter.
func (s queries) tokenRows(ctx context.Context, f TokenFilter, page Page) ([]gen.Token, error) {
	before := page.After
	if before == "" {
		before = "zzzz" // behind every id, in whatever order of letters the database has
	}
	live := millis(f.LiveAt)
	if live == 0 {
		live = math.MinInt64
	}
	switch {
	case f.KeyID != "":
		return s.q.TokensOfKey(ctx, gen.TokensOfKeyParams{KeyID: f.KeyID, OrganizationID: f.OrganizationID, Before: before, LiveAt: live, Most: page.most()})
	case f.UserID != "":
		return s.q.TokensOfUser(ctx, gen.TokensOfUserParams{UserID: f.UserID, OrganizationID: f.OrganizationID, Before: before, LiveAt: live, Most: page.most()})
	}
	return s.q.TokensOfOrganization(ctx, gen.TokensOfOrganizationParams{OrganizationID: f.OrganizationID, Before: before, LiveAt: live, Most: page.most()})
}

// revocationCheck looks each subject up once: the tokens of a list mostly share
// their lineage.
func (s queries) revocationCheck(at time.Time) func(context.Context, access.IssuedToken) (bool, error) {
	if at.IsZero() {
		return func(context.Context, access.IssuedToken) (bool, error) { return false, nil }
	}
	known := map[string]int64{} // subject → its latest effective revocation
	return func(ctx context.Context, t access.IssuedToken) (bool, error) {
		for _, subject := range t.Lineage {
			last, ok := known[subject]
			if !ok {
				var err error
				if last, err = s.q.LatestRevocation(ctx, gen.LatestRevocationParams{Subject: subject, Now: millis(at)}); err != nil {
					return false, translate(err)
				}
				known[subject] = last
			}
			if t.Revision < last {
				return true, nil
			}
		}
		return false, nil
	}
}

// PruneTokens deletes the records of tokens that expired before a time and tells
// how many. It works in pieces, so that changes get their turn.
func (s *Store) PruneTokens(ctx context.Context, expiredBefore time.Time) (int64, error) {
	const piece = 1000
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	for total := int64(0); ; {
		n, err := q.PruneTokens(ctx, gen.PruneTokensParams{ExpiredBefore: millis(expiredBefore), Most: piece})
		total += n
		if err != nil || n < piece {
			return total, translate(err)
		}
	}
}

func insertToken(ctx context.Context, q *gen.Queries, t access.IssuedToken) error {
	lineage := t.Lineage
	if len(lineage) == 0 {
		lineage = []string{t.OrganizationID, t.UserID, t.KeyID, t.Head, t.ID}
	}
	return q.InsertToken(ctx, gen.InsertTokenParams{
		ID: t.ID, Head: t.Head, ParentID: t.ParentID, Lineage: list(lineage),
		OrganizationID: t.OrganizationID, UserID: t.UserID, KeyID: t.KeyID, Origin: string(t.Origin),
		Subject: storable(t.Subject), Scopes: t.Scopes, Roles: t.Roles, Audience: t.Audience, Ips: t.IPs, Renewable: t.Renewable,
		Issued: millis(t.IssuedAt), Expires: millis(t.Expires), Revision: t.Revision,
		Asked: millis(t.From.Time), AskedAddress: addressText(t.From.Address), AskedAgent: storable(t.From.UserAgent),
		Actors: actorList(t.Actors),
	})
}

// actorList is empty where nobody acts, as it is for most.
func actorList(actors []string) string {
	if len(actors) == 0 {
		return ""
	}
	return list(actors)
}

func issuedToken(row gen.Token) (access.IssuedToken, error) {
	t := access.IssuedToken{
		ID: row.ID, Head: row.Head, ParentID: row.ParentID,
		OrganizationID: row.OrganizationID, UserID: row.UserID, KeyID: row.KeyID, Origin: access.Origin(row.Origin),
		Subject: row.Subject, Scopes: row.Scopes, Roles: row.Roles, Audience: row.Audience, IPs: row.Ips, Renewable: row.Renewable,
		IssuedAt: fromMillis(row.Issued), Expires: fromMillis(row.Expires), Revision: row.Revision,
	}
	var err error
	if t.Lineage, err = parseList(row.Lineage); err != nil {
		return t, err
	}
	if row.Actors != "" {
		if t.Actors, err = parseList(row.Actors); err != nil {
			return t, err
		}
	}
	t.From, err = lastUse(row.Asked, row.AskedAddress, row.AskedAgent)
	return t, err
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
	"github.com/daypass/daypass/scope"
)

var everything = scope.NewSet(scope.MustParse("*"))

// HolderByHash finds who holds the secret with this keyed hash, current or
// rotated away and still in its overlap at now; else not_found. A holder is
// returned also when its key has ended or it, its membership or its organization
// is not active: Holder says so. Its Key has the roles it was given, which may be
// more than its owner still holds.
//
// The parts are read one after the other: keep a holder only if no change came
// in since before the call.
func (s queries) HolderByHash(ctx context.Context, hash [32]byte, now time.Time) (*access.Holder, error) {
	row, err := s.q.HolderByHash(ctx, gen.HolderByHashParams{Hash: hash[:], Now: millis(now)})
	if err != nil {
		return nil, translate(err)
	}
	version := row.Key.Version
	if !bytes.Equal(row.Key.Hash, hash[:]) {
		version--
	}
	return s.holder(ctx, row, version)
}

// HolderOf finds again the holder that a source names; not_found for what is gone.
func (s queries) HolderOf(ctx context.Context, source access.Source) (*access.Holder, error) {
	if source.KeyID == "" && strings.HasPrefix(source.Via, "isr_") {
		return s.holderByIssuer(ctx, source.Via)
	}
	if isIdentity(source.Via) {
		return s.identityHolder(ctx, source)
	}
	if source.KeyID == "" && strings.HasPrefix(source.Via, "ses_") {
		return s.HolderBySession(ctx, source.Via)
	}
	if source.Via != "" || source.KeyID == "" {
		return nil, access.ErrNotFound
	}
	return s.holderByKey(ctx, source.KeyID, source.KeyVersion)
}

// holderByKey finds the holder of a key for one version of its secret, [access.CurrentSecret]
// among them: the current one, or the one before if it was given an overlap, which may be over.
func (s queries) holderByKey(ctx context.Context, keyID string, version int64) (*access.Holder, error) {
	row, err := s.q.HolderByKey(ctx, keyID)
	if err != nil {
		return nil, translate(err)
	}
	if version == access.CurrentSecret {
		version = row.Key.Version
	}
	current := version == row.Key.Version
	overlapping := version == row.Key.Version-1 && row.Key.PrevUntil != 0
	if !current && !overlapping {
		return nil, access.ErrNotFound
	}
	return s.holder(ctx, gen.HolderByHashRow(row), version)
}

func (s queries) holder(ctx context.Context, row gen.HolderByHashRow, version int64) (*access.Holder, error) {
	h := &access.Holder{Version: version}
	var err error
	if h.Key, err = key(row.Key); err != nil {
		return nil, unreadable(err)
	}
	if h.Membership, err = membership(row.Membership); err != nil {
		return nil, unreadable(err)
	}
	h.User, _ = user(row.User)
	h.Organization, _ = organization(row.Organization)
	h.Revision = max(h.Key.Revision, h.Membership.Revision, h.User.Revision, h.Organization.Revision)
	if err := s.addRoleScopes(ctx, h); err != nil {
		return nil, err
	}
	if err := s.addApplications(ctx, h); err != nil {
		return nil, err
	}
	return h, nil
}

// addRoleScopes makes the union of what the membership's roles let it use:
// everything with any built-in role. A role that was deleted adds nothing.
func (s queries) addRoleScopes(ctx context.Context, h *access.Holder) error {
	names := roleNames(h.Membership.Roles)
	for name := range names {
		if access.IsBuiltinRole(name) {
			h.RoleScopes = everything
			return nil
		}
	}
	var patterns []scope.Pattern
	for name := range names {
		r, err := s.Role(ctx, h.Organization.ID, name)
		if errors.Is(err, access.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		patterns = append(patterns, r.Scopes.Patterns()...)
		h.Revision = max(h.Revision, r.Revision)
	}
	h.RoleScopes = scope.NewSet(patterns...)
	return nil
}

// addApplications looks up the slugs of the applications roles are held in.
func (s queries) addApplications(ctx context.Context, h *access.Holder) error {
	h.Applications = map[string]string{}
	for _, roles := range [][]access.Role{h.Membership.Roles, h.Key.Roles} {
		for _, r := range roles {
			if _, known := h.Applications[r.ApplicationID]; known || r.ApplicationID == "" {
				continue
			}
			app, err := s.q.ApplicationSlug(ctx, gen.ApplicationSlugParams{ID: r.ApplicationID, OrganizationID: h.Organization.ID})
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return translate(err)
			}
			h.Applications[r.ApplicationID] = app.Slug
			h.Revision = max(h.Revision, app.Revision)
		}
	}
	return nil
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// reader is what authorisation and lookups read from: the store, or the
// transaction of a change.
type reader interface {
	Organization(ctx context.Context, slugOrID string) (access.Organization, error)
	User(ctx context.Context, id string) (access.User, error)
	Membership(ctx context.Context, orgID, userID string) (access.Membership, error)
	MembershipsOfUser(ctx context.Context, userID string, page store.Page) ([]access.Membership, error)
	Role(ctx context.Context, orgID, nameOrID string) (access.CustomRole, error)
	Application(ctx context.Context, orgID, slugOrID string) (access.Application, error)
	Key(ctx context.Context, orgID, id string) (access.Key, error)
	Plan(ctx context.Context, orgID, slugOrID string) (access.Plan, error)
	Issuer(ctx context.Context, orgID, slugOrID string) (access.Issuer, error)
}

// authorize decides whether the caller may do op in the organization, and how
// far. An organization that is not the caller's does not exist for it.
func (s *Service) authorize(ctx context.Context, r reader, caller *access.Caller, op Operation, orgRef string) (*grant, error) {
	roles, err := standing(ctx, r, caller)
	if err != nil {
		return nil, err
	}
	org, err := r.Organization(ctx, orgRef)
	if err != nil {
		return nil, err
	}
	if org.ID != caller.Organization.ID && !holdsAdministrator(roles) {
		return nil, access.ErrNotFound
	}
	g, err := decide(op, caller, org, roles)
	if _, within := r.(*store.Tx); err == nil && !within { // a change is authorised twice and is one use
		s.noteUse(caller, op)
	}
	return g, err
}

// standing returns those roles of the credential that its owner still has, now
// and, within a change, at its revision: what was proven when the request came
// in may have been taken away since.
func standing(ctx context.Context, r reader, caller *access.Caller) ([]access.Role, error) {
	if caller.UserID == "" && caller.Via != "" {
		return outsideStanding(ctx, r, caller)
	}
	member, err := r.Membership(ctx, caller.Organization.ID, caller.UserID)
	if err != nil {
		return nil, gone(err)
	}
	user, err := r.User(ctx, caller.UserID)
	if err != nil {
		return nil, gone(err)
	}
	if !member.Active || !user.Active {
		return nil, access.ErrBadCredential
	}
	var roles []access.Role
	for _, role := range caller.Authority.Roles {
		if access.HoldsRole(member.Roles, role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

// outsideStanding is that of somebody who logged in through an outside issuer: the
// roles that the issuer still may give. The platform's own is never among them.
func outsideStanding(ctx context.Context, r reader, caller *access.Caller) ([]access.Role, error) {
	i, err := r.Issuer(ctx, caller.Organization.ID, caller.Via)
	if err != nil {
		return nil, gone(err)
	}
	if !i.Active || i.Login == nil {
		return nil, access.ErrBadCredential
	}
	var roles []access.Role
	for _, role := range caller.Authority.Roles {
		if role.Name != access.Administrator && access.HoldsRole(i.Roles, role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

func gone(err error) error {
	if errors.Is(err, access.ErrNotFound) {
		return access.ErrBadCredential
	}
	return err
}

// errSame takes a change back that would change nothing.
var errSame = errors.New("nothing to change")

// sameIsFine makes a change that changes nothing a success without an event.
func sameIsFine(err error) error {
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// outcome turns what a put returned into what it did.
func outcome(err error, created bool) (Outcome, error) {
	switch {
	case errors.Is(err, errSame):
		return Same, nil
	case err != nil:
		return "", err
	case created:
		return Created, nil
	}
	return Changed, nil
}

// set applies one member of a patch.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// taken names what clashed, where the store only knows that something did.
func taken(err error, code, message, pointer string) error {
	if access.AsError(err).Code == "already_exists" {
		return access.New(access.Conflict, code, message).At(pointer)
	}
	return err
}

// stamp is the present as the store keeps it.
func (s *Service) stamp() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// change authorises, changes and records in one transaction, then has this
// node's gate apply it. fn records exactly one event, or returns errSame.
func (s *Service) change(ctx context.Context, caller *access.Caller, op Operation, orgRef string, fn func(tx *store.Tx, g *grant) error) error {
	// Who may not do it at all is turned away before the writers' lock is taken.
	if _, err := s.authorize(ctx, s.store, caller, op, orgRef); err != nil {
		return err
	}
	return s.commit(ctx, caller.Actor(), caller.RequestID, func(tx *store.Tx) error {
		g, err := s.authorize(ctx, tx, caller, op, orgRef)
		if err != nil {
			return err
		}
		return fn(tx, g)
	})
}

const applyTimeout = 10 * time.Second

// commit is the only way to a change. An error means that the caller must not
// take it for done; change_not_applied says that it stands nevertheless.
func (s *Service) commit(ctx context.Context, actor access.Actor, requestID string, fn func(tx *store.Tx) error) error {
	revision, err := s.store.Change(ctx, actor, requestID, s.now(), func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return ticketOf(ctx).mark(tx)
	})
	if err != nil {
		return err
	}
	// The change stands, so the caller's going away must not keep the gate from it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTimeout)
	defer cancel()
	if err := s.committed(ctx, revision); err != nil {
		s.log.ErrorContext(ctx, "a committed change is not applied here yet", "revision", revision, "error", err)
		return access.New(access.Unavailable, "change_not_applied",
			fmt.Sprintf("the change is recorded as revision %d, but this server has not applied it yet; it will as soon as it reads its feed", revision)).Because(err)
	}
	return nil
}

// revoke ends every token of a lineage. The entry outlives each of them, also
// where another server minted one without knowing.
func (s *Service) revoke(tx *store.Tx, subject, reason string, effective time.Time) error {
	from := tx.Now()
	if effective.After(from) {
		from = effective
	}
	return tx.Revoke(subject, reason, effective, from.Add(s.maxTokenLife+24*time.Hour))
}

// expect holds an If-Match condition.
func expect(ifRevision, have int64) error {
	if ifRevision == AnyRevision || ifRevision == have {
		return nil
	}
	return access.New(access.Precondition, "precondition_failed", "it was changed in the meantime: read it again, then change that")
}

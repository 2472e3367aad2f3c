package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// NetworkFilter selects entries of one list.
type NetworkFilter struct {
	List   access.NetworkList
	Action access.NetworkAction // empty: any
}

// Network finds an entry of a list by its network, written as
// [access.FormatNetwork] does, or by its id.
func (s queries) Network(ctx context.Context, list access.NetworkList, networkOrID string) (access.NetworkEntry, error) {
	row, err := s.q.Network(ctx, gen.NetworkParams{OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, NetworkOrID: networkOrID})
	return one(row, err, networkEntry)
}

// Networks returns a page of a list by id, the oldest first; also entries that
// have expired and are not pruned yet.
func (s queries) Networks(ctx context.Context, f NetworkFilter, page Page) ([]access.NetworkEntry, error) {
	rows, err := s.q.Networks(ctx, gen.NetworksParams{
		OrganizationID: f.List.OrganizationID, ApplicationID: f.List.ApplicationID, Action: string(f.Action), After: page.After, Most: page.most(),
	})
	return each(rows, err, networkEntry)
}

// CountNetworks counts the entries of a list that have not expired.
func (s queries) CountNetworks(ctx context.Context, list access.NetworkList, now time.Time) (int64, error) {
	n, err := s.q.CountNetworks(ctx, gen.CountNetworksParams{OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, Now: millis(now)})
	return n, translate(err)
}

// NetworksSince returns what changed above a revision (0: everything), the
// oldest first. Deletions are told for as long as [Store.PruneNetworks] leaves
// them.
func (s queries) NetworksSince(ctx context.Context, revision int64) ([]access.NetworkChange, error) {
	rows, err := s.q.NetworksSince(ctx, revision)
	return each(rows, err, func(row gen.Network) (access.NetworkChange, error) {
		e, err := networkEntry(row)
		return access.NetworkChange{NetworkEntry: e, Deleted: row.Deleted != 0}, err
	})
}

// PutNetwork adds an entry, or puts it in the place of the one its list has for
// the network.
func (t *Tx) PutNetwork(e access.NetworkEntry) error {
	return t.wrote(t.q.PutNetwork(t.ctx, gen.PutNetworkParams{
		ID: e.ID, OrganizationID: e.OrganizationID, ApplicationID: e.ApplicationID, Network: access.FormatNetwork(e.Network),
		Action: string(e.Action), Reason: e.Reason, Expires: millis(e.Expires), Created: millis(e.Created), CreatedBy: e.CreatedBy, Revision: t.Revision(),
	}))
}

// DeleteNetwork deletes the entry of a list for a network; not_found if it has
// none.
func (t *Tx) DeleteNetwork(e access.NetworkEntry) error {
	return t.wroteOne(t.q.DeleteNetwork(t.ctx, gen.DeleteNetworkParams{
		OrganizationID: e.OrganizationID, ApplicationID: e.ApplicationID, Network: access.FormatNetwork(e.Network),
		Deleted: millis(t.Now()), Revision: t.Revision(),
	}))
}

// DropNetworks forgets the list of an application that is deleted in this change.
func (t *Tx) DropNetworks(applicationID string) error {
	return t.wrote(t.q.DropNetworks(t.ctx, applicationID))
}

// PruneNetworks drops the entries that were deleted or had expired by a time,
// and tells how many. It is no change: nothing is decided on them any more. It
// works in pieces, so that changes get their turn.
func (s *Store) PruneNetworks(ctx context.Context, before time.Time) (int64, error) {
	const piece = 1000
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	for total := int64(0); ; {
		n, err := q.PruneNetworks(ctx, gen.PruneNetworksParams{Before: millis(before), Most: piece})
		total += n
		if err != nil || n < piece {
			return total, translate(err)
		}
	}
}

func networkEntry(row gen.Network) (access.NetworkEntry, error) {
	network, err := access.ParseNetwork(row.Network)
	return access.NetworkEntry{
		ID: row.ID, OrganizationID: row.OrganizationID, ApplicationID: row.ApplicationID, Network: network,
		Action: access.NetworkAction(row.Action), Reason: row.Reason, Expires: fromMillis(row.Expires),
		Created: fromMillis(row.Created), CreatedBy: row.CreatedBy, Revision: row.Revision,
	}, err
}

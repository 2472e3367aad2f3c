package store

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
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

// networksAtOnce is how many entries one statement reads or writes.
const networksAtOnce = 1000

// NetworksAmong returns the entries of a list for any of the networks.
func (s queries) NetworksAmong(ctx context.Context, list access.NetworkList, networks []netip.Prefix) ([]access.NetworkEntry, error) {
	var found []access.NetworkEntry
	for some := range slices.Chunk(networks, networksAtOnce) {
		rows, err := s.q.NetworksAmong(ctx, gen.NetworksAmongParams{OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, Entries: keyed(some)})
		entries, err := each(rows, err, networkEntry)
		if err != nil {
			return nil, err
		}
		found = append(found, entries...)
	}
	return found, nil
}

// PutNetworks adds entries to a list, each in the place of the one it has for the
// network. A network is given once. The entries' own list and revision are not
// looked at.
func (t *Tx) PutNetworks(list access.NetworkList, entries []access.NetworkEntry) error {
	for some := range slices.Chunk(entries, networksAtOnce) {
		columns := make(map[string]networkColumns, len(some))
		for _, e := range some {
			columns[access.FormatNetwork(e.Network)] = networkColumns{e.ID, string(e.Action), e.Reason, millis(e.Expires), millis(e.Created), e.CreatedBy}
		}
		text, _ := json.Marshal(columns) // strings and numbers always marshal
		err := t.q.PutNetworks(t.ctx, gen.PutNetworksParams{
			OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, Revision: t.Revision(), Entries: string(text),
		})
		if err != nil {
			return t.wrote(err)
		}
	}
	return nil
}

// networkColumns are those of an entry by its network.
type networkColumns struct {
	ID        string `json:"id"`
	Action    string `json:"action"`
	Reason    string `json:"reason"`
	Expires   int64  `json:"expires"`
	Created   int64  `json:"created"`
	CreatedBy string `json:"created_by"`
}

// DeleteNetworks deletes the entries of a list for some networks; not_found if
// it lacks one. A network is given once.
func (t *Tx) DeleteNetworks(list access.NetworkList, networks ...netip.Prefix) error {
	for some := range slices.Chunk(networks, networksAtOnce) {
		rows, err := t.q.DeleteNetworks(t.ctx, gen.DeleteNetworksParams{
			OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, Entries: keyed(some),
			Deleted: millis(t.Now()), Revision: t.Revision(),
		})
		if err == nil && rows != int64(len(some)) {
			err = access.ErrNotFound
		}
		if err != nil {
			return t.wrote(err)
		}
	}
	return nil
}

// keyed writes networks as the names of a JSON object.
func keyed(networks []netip.Prefix) string {
	names := make(map[string]int, len(networks))
	for _, n := range networks {
		names[access.FormatNetwork(n)] = 0
	}
	text, _ := json.Marshal(names) // strings always marshal
	return string(text)
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

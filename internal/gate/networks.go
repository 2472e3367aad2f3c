package gate

import (
	"maps"
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"github.com/daypass/daypass/internal/access"
)

// Networks is the lists of networks that are kept beside the resource files: the
// platform's, which denies for every application, and those of single
// applications. It is immutable; nil and the zero value list nothing.
//
// Denial wins: an address that any living entry denies is denied, however small
// the network an entry allows around it. An allowing entry widens the
// allow_networks of the resource file, and does nothing where there are none, so
// that no application opens because an entry ends. An entry counts until it
// expires, by the clock of the decision; one that has expired hides no other.
//
// In front of all lists stands a filter, so that many entries do not slow down
// the decision on an address that none of them denies.
type Networks struct {
	platform     networkList
	applications map[string]networkList // by application id
	denied       networkFilter
}

// NetworkEntry is a living or expired entry, as decisions know it. It is not to
// be changed.
type NetworkEntry struct {
	Network  netip.Prefix
	Reason   string
	Expires  time.Time // zero: never
	Platform bool      // of the platform's list
}

func (e *NetworkEntry) live(now time.Time) bool { return e.Expires.IsZero() || now.Before(e.Expires) }

// networkTable finds entries by address. Adding to one leaves the old as it is and
// copies only the way to the new entry.
type networkTable = bart.Table[*NetworkEntry]

// networkList is the entries of one list; a nil table is empty.
type networkList struct{ deny, allow *networkTable }

func (l networkList) len() int {
	n := 0
	for _, t := range []*networkTable{l.deny, l.allow} {
		if t != nil {
			n += t.Size()
		}
	}
	return n
}

// maxPersist is from how many changes of a list on it is copied as a whole.
const maxPersist = 1000

// With returns lists with the changes made, in their order.
func (n *Networks) With(changes ...access.NetworkChange) *Networks {
	if len(changes) == 0 {
		return n
	}
	next := n.clone()
	byList := map[string][]access.NetworkChange{}
	for _, c := range changes {
		byList[c.ApplicationID] = append(byList[c.ApplicationID], c)
	}
	for id, changes := range byList {
		next.set(id, next.list(id).with(changes))
	}
	next.note(changes)
	return next
}

// note makes the filter tell of what was added.
func (n *Networks) note(changes []access.NetworkChange) {
	more := 0
	for i := range changes {
		if denies(&changes[i]) {
			more += keysOf(changes[i].Network)
		}
	}
	if more == 0 {
		return
	}
	if n.denied.full(more) {
		n.denied = n.newFilter()
		return
	}
	filter := n.denied.edit()
	for i := range changes {
		if denies(&changes[i]) {
			filter.add(changes[i].Network)
		}
	}
	n.denied = filter.networkFilter
}

func denies(c *access.NetworkChange) bool { return !c.Deleted && c.Action == access.DenyNetwork }

// newFilter is made of what the lists hold, with as much room again.
func (n *Networks) newFilter() networkFilter {
	keys := 0
	each := func(visit func(netip.Prefix)) {
		for _, t := range n.denying() {
			for network := range t.All() {
				visit(network)
			}
		}
	}
	each(func(network netip.Prefix) { keys += keysOf(network) })
	filter := newNetworkFilter(2 * keys).edit()
	each(filter.add)
	return filter.networkFilter
}

// denying are the tables that deny.
func (n *Networks) denying() []*networkTable {
	var tables []*networkTable
	if n.platform.deny != nil {
		tables = append(tables, n.platform.deny)
	}
	for _, l := range n.applications {
		if l.deny != nil {
			tables = append(tables, l.deny)
		}
	}
	return tables
}

// Without returns lists that lack those of the applications.
func (n *Networks) Without(applicationIDs ...string) *Networks {
	if n == nil || len(n.applications) == 0 || len(applicationIDs) == 0 {
		return n
	}
	next := n.clone()
	for _, id := range applicationIDs {
		delete(next.applications, id)
	}
	return next
}

// Live returns lists without the entries that have expired by a time, to be rid
// of their memory.
func (n *Networks) Live(now time.Time) *Networks {
	if n == nil {
		return nil
	}
	next := &Networks{platform: n.platform.without(now), applications: make(map[string]networkList, len(n.applications))}
	for id, l := range n.applications {
		next.set(id, l.without(now))
	}
	next.denied = next.newFilter()
	return next
}

// Len is the number of entries, also of those that have expired.
func (n *Networks) Len() int {
	if n == nil {
		return 0
	}
	total := n.platform.len()
	for _, l := range n.applications {
		total += l.len()
	}
	return total
}

func (n *Networks) clone() *Networks {
	if n == nil || n.applications == nil {
		next := &Networks{applications: map[string]networkList{}}
		if n != nil {
			next.platform, next.denied = n.platform, n.denied
		}
		return next
	}
	return &Networks{platform: n.platform, applications: maps.Clone(n.applications), denied: n.denied}
}

func (n *Networks) list(applicationID string) networkList {
	if applicationID == "" {
		return n.platform
	}
	return n.applications[applicationID]
}

func (n *Networks) set(applicationID string, l networkList) {
	switch {
	case applicationID == "":
		n.platform = l
	case l.len() == 0:
		delete(n.applications, applicationID)
	default:
		n.applications[applicationID] = l
	}
}

func (l networkList) with(changes []access.NetworkChange) networkList {
	deny, allow := editor{table: l.deny}, editor{table: l.allow}
	deny.own(len(changes) > maxPersist)
	allow.own(len(changes) > maxPersist)
	for i := range changes {
		c := &changes[i]
		// A network is in a list once, so that either table may hold what the change replaces.
		into, from := &deny, &allow
		if c.Action == access.AllowNetwork {
			into, from = from, into
		}
		from.remove(c.Network)
		if c.Deleted {
			into.remove(c.Network)
			continue
		}
		into.put(c.Network, &NetworkEntry{Network: c.Network, Reason: c.Reason, Expires: c.Expires, Platform: c.ApplicationID == ""})
	}
	return networkList{deny.table, allow.table}
}

func (l networkList) without(now time.Time) networkList {
	return networkList{liveOf(l.deny, now), liveOf(l.allow, now)}
}

func liveOf(t *networkTable, now time.Time) *networkTable {
	if t == nil {
		return nil
	}
	var kept editor
	for network, e := range t.All() {
		if e.live(now) {
			kept.own(true)
			kept.put(network, e)
		}
	}
	if kept.table != nil && kept.table.Size() == t.Size() {
		return t
	}
	return kept.table
}

// editor changes a table, in place once it owns a copy.
type editor struct {
	table *networkTable
	owned bool
}

func (e *editor) own(yes bool) {
	if !yes || e.owned {
		return
	}
	e.owned = true
	if e.table == nil {
		e.table = new(networkTable)
		return
	}
	e.table = e.table.Clone()
}

func (e *editor) put(network netip.Prefix, entry *NetworkEntry) {
	if e.owned {
		e.table.Insert(network, entry)
		return
	}
	if e.table == nil {
		e.table = new(networkTable)
	}
	e.table = e.table.InsertPersist(network, entry)
}

func (e *editor) remove(network netip.Prefix) {
	switch {
	case e.table == nil:
	case e.owned:
		e.table.Delete(network)
	default:
		e.table = e.table.DeletePersist(network)
	}
}

// covering returns a living entry whose network holds the address, the narrowest
// of them; nil: there is none.
func covering(t *networkTable, addr netip.Addr, now time.Time) *NetworkEntry {
	if t == nil || !t.Contains(addr) {
		return nil
	}
	// Wider ones are looked at only behind what has expired.
	for _, e := range t.Supernets(netip.PrefixFrom(addr, addr.BitLen())) {
		if e.live(now) {
			return e
		}
	}
	return nil
}

// admits is the address check: the platform's list, the application's, and the
// lists of its resource file. It notes the entry that decided, if one did.
func (d *Decision) admits(addr netip.Addr, now time.Time) bool {
	app, n := d.Application, d.view.Networks
	if n == nil {
		return app.Admits(addr)
	}
	if !addr.Is4() {
		addr = addr.Unmap().WithZone("")
	}
	if !addr.IsValid() {
		return n.platform.len() == 0 && n.applications[app.ID].len() == 0 && app.Admits(addr)
	}
	if n.denied.mayHold(addr) {
		if d.Network = n.deniedBy(app.ID, addr, now); d.Network != nil {
			return false
		}
	}
	if app.Admits(addr) {
		return true
	}
	if app.LacksAllowance(addr) {
		d.Network = covering(n.applications[app.ID].allow, addr, now)
	}
	return d.Network != nil
}

// deniedBy returns a living entry that denies the address; nil: none does.
func (n *Networks) deniedBy(applicationID string, addr netip.Addr, now time.Time) *NetworkEntry {
	if e := covering(n.platform.deny, addr, now); e != nil {
		return e
	}
	return covering(n.applications[applicationID].deny, addr, now)
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Limits of lists of networks.
const (
	MaxNetworkEntries = 100_000 // of one list that have not expired
	MaxNetworkBatch   = 10_000  // in one call
	maxNetworkLife    = 10 * 365 * 24 * time.Hour
	namedInEvents     = 20 // networks that one event names; it counts them all
)

// NetworkEntry is an entry of a list of networks.
type NetworkEntry = access.NetworkEntry

// NewNetworkEntry is an entry to put.
type NewNetworkEntry struct {
	Network   string
	Action    access.NetworkAction // empty: deny
	Reason    string               // at most 200 characters
	Expires   time.Time            // zero: never, or as ExpiresIn says
	ExpiresIn *int64               // seconds, 1 to 10 years
}

// NetworkFilter narrows a list of networks.
type NetworkFilter struct {
	Action  access.NetworkAction // empty: any
	Address string               // only entries that hold it; empty: all
}

// NetworkOutcome counts what a change did to a list.
type NetworkOutcome struct{ Added, Changed, Unchanged, Removed int }

// Networks lists the networks of an application, the oldest first.
func (s *Service) Networks(ctx context.Context, caller *access.Caller, org, app string, f NetworkFilter, p Page) (List[NetworkEntry], error) {
	g, err := s.authorize(ctx, s.store, caller, opListNetworks, org)
	if err != nil {
		return List[NetworkEntry]{}, err
	}
	a, err := applicationOf(ctx, s.store, g, app)
	if err != nil {
		return List[NetworkEntry]{}, err
	}
	return s.networks(ctx, listOf(a), f, p)
}

// PlatformNetworks lists the networks that are denied to every application.
func (s *Service) PlatformNetworks(ctx context.Context, caller *access.Caller, f NetworkFilter, p Page) (List[NetworkEntry], error) {
	if _, err := s.authorize(ctx, s.store, caller, opListPlatformNetworks, caller.Organization.ID); err != nil {
		return List[NetworkEntry]{}, err
	}
	return s.networks(ctx, platformList, f, p)
}

// platformList denies for every application.
var platformList access.NetworkList

func listOf(a Application) access.NetworkList {
	return access.NetworkList{OrganizationID: a.OrganizationID, ApplicationID: a.ID}
}

func (s *Service) networks(ctx context.Context, list access.NetworkList, f NetworkFilter, p Page) (List[NetworkEntry], error) {
	if f.Action != "" && f.Action != access.DenyNetwork && f.Action != access.AllowNetwork {
		return List[NetworkEntry]{}, errNetworkAction.At("/action")
	}
	read := func(after string, limit int) ([]NetworkEntry, error) {
		return s.store.Networks(ctx, store.NetworkFilter{List: list, Action: f.Action}, store.Page{After: after, Limit: limit})
	}
	if f.Address != "" {
		addr, err := netip.ParseAddr(f.Address)
		if err != nil || addr.Zone() != "" {
			return List[NetworkEntry]{}, access.New(access.Malformed, "invalid_address", "write an address: 192.0.2.7 or 2001:db8::7").At("/address")
		}
		read = func(after string, limit int) ([]NetworkEntry, error) {
			return s.holding(ctx, list, f.Action, addr.Unmap(), after, limit)
		}
	}
	l := listing{"networks", list.OrganizationID, list.ApplicationID, string(f.Action), f.Address}
	return paged(s, l, p, read, func(e NetworkEntry) string { return e.ID }, as[NetworkEntry])
}

// holding finds the entries that hold an address: at most one of each width.
func (s *Service) holding(ctx context.Context, list access.NetworkList, action access.NetworkAction, addr netip.Addr, after string, limit int) ([]NetworkEntry, error) {
	var found []NetworkEntry
	for width := range addr.BitLen() + 1 {
		network, err := addr.Prefix(width)
		if err != nil {
			return nil, err
		}
		e, err := s.store.Network(ctx, list, access.FormatNetwork(network))
		if errors.Is(err, access.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.ID > after && (action == "" || action == e.Action) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b NetworkEntry) int { return strings.Compare(a.ID, b.ID) })
	return found[:min(limit, len(found))], nil
}

var errNetworkAction = access.New(access.Invalid, "invalid_field", "an entry's action is deny or allow")

// errNoAllowList keeps an entry that would do nothing, and whose author expects
// that it does.
var errNoAllowList = access.New(access.Conflict, "no_allow_list",
	"an allowing entry widens the allow_networks of a resource file, and here there are none: every address that is not denied is let in")

// errNetworkDenied keeps a denial from being ended by the way.
var errNetworkDenied = access.New(access.Conflict, "network_denied",
	"this very network is denied; take that off the list first, then allow it")

// AddNetworks puts entries into an application's list; one that has the network
// already is changed. A denial is not made shorter by that: one that would end
// before the one that is there changes nothing. Codes: invalid_network (400),
// invalid_field (422), no_allow_list, network_denied, too_many_networks (409).
func (s *Service) AddNetworks(ctx context.Context, caller *access.Caller, org, app string, in []NewNetworkEntry) (NetworkOutcome, error) {
	return s.changeNetworks(ctx, caller, opAddNetworks, org, app, in, false)
}

// ReplaceNetworks makes an application's list hold the entries and no others.
// Entries that stay as they are keep their ids. It says the whole list, so it may
// also end denials or make them shorter. Codes: those of [Service.AddNetworks],
// save network_denied.
func (s *Service) ReplaceNetworks(ctx context.Context, caller *access.Caller, org, app string, in []NewNetworkEntry) (NetworkOutcome, error) {
	return s.changeNetworks(ctx, caller, opReplaceNetworks, org, app, in, true)
}

// AddPlatformNetworks is [Service.AddNetworks] for the platform's list, which
// denies only.
func (s *Service) AddPlatformNetworks(ctx context.Context, caller *access.Caller, in []NewNetworkEntry) (NetworkOutcome, error) {
	return s.changeNetworks(ctx, caller, opAddPlatformNetworks, caller.Organization.ID, "", in, false)
}

// ReplacePlatformNetworks is [Service.ReplaceNetworks] for the platform's list,
// which denies only.
func (s *Service) ReplacePlatformNetworks(ctx context.Context, caller *access.Caller, in []NewNetworkEntry) (NetworkOutcome, error) {
	return s.changeNetworks(ctx, caller, opReplacePlatformNetworks, caller.Organization.ID, "", in, true)
}

// DeleteNetwork deletes an application's entry, by its network or its id.
func (s *Service) DeleteNetwork(ctx context.Context, caller *access.Caller, org, app, network string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteNetwork, org, func(tx *store.Tx, g *grant) error {
		a, err := applicationOf(ctx, tx, g, app)
		if err != nil {
			return err
		}
		return deleteNetwork(ctx, tx, g, a, network, ifRevision)
	})
}

// DeletePlatformNetwork is [Service.DeleteNetwork] for the platform's list.
func (s *Service) DeletePlatformNetwork(ctx context.Context, caller *access.Caller, network string, ifRevision int64) error {
	return s.change(ctx, caller, opDeletePlatformNetwork, caller.Organization.ID, func(tx *store.Tx, g *grant) error {
		return deleteNetwork(ctx, tx, g, Application{}, network, ifRevision)
	})
}

func deleteNetwork(ctx context.Context, tx *store.Tx, g *grant, a Application, network string, ifRevision int64) error {
	if p, err := access.ParseNetwork(network); err == nil {
		network = access.FormatNetwork(p)
	}
	e, err := tx.Network(ctx, listOf(a), network)
	if err != nil {
		return err
	}
	if err := expect(ifRevision, e.Revision); err != nil {
		return err
	}
	if err := tx.DeleteNetworks(listOf(a), e.Network); err != nil {
		return err
	}
	return recordNetworks(tx, g, a, "network.deleted", map[string]any{"networks": []string{networkText(e)}})
}

// drafts reads entries as far as the request alone says what they are. A network
// is given once.
func (s *Service) drafts(in []NewNetworkEntry) ([]NetworkEntry, error) {
	if len(in) > MaxNetworkBatch {
		var wrong faults
		wrong.invalid("/items", "give at most %d entries in one call", MaxNetworkBatch)
		return nil, wrong.err()
	}
	var wrong faults
	now := s.stamp()
	seen := make(map[netip.Prefix]bool, len(in))
	out := make([]NetworkEntry, 0, len(in))
	for i, item := range in {
		if len(wrong.found) >= 100 {
			break
		}
		at := fmt.Sprintf("/items/%d", i)
		network, err := access.ParseNetwork(item.Network)
		wrong.add(at+"/network", err)
		if err == nil && seen[network] {
			wrong.invalid(at+"/network", "this network is there twice")
		}
		seen[network] = true
		e := NetworkEntry{Network: network, Action: item.Action, Reason: item.Reason, Expires: item.Expires.UTC().Truncate(time.Millisecond)}
		if e.Action == "" {
			e.Action = access.DenyNetwork
		}
		if e.Action != access.DenyNetwork && e.Action != access.AllowNetwork {
			wrong.add(at+"/action", errNetworkAction)
		}
		wrong.text(at+"/reason", item.Reason, maxName)
		if life := wrong.life(at+"/expires_in", item.ExpiresIn, maxNetworkLife); life > 0 {
			if !item.Expires.IsZero() {
				wrong.invalid(at+"/expires_in", "give expires or expires_in, not both")
			}
			e.Expires = now.Add(life)
		}
		if !e.Expires.IsZero() && !e.Expires.After(now) {
			wrong.invalid(at+"/expires", "this has passed")
		}
		out = append(out, e)
	}
	return out, wrong.err()
}

func (s *Service) changeNetworks(ctx context.Context, caller *access.Caller, op Operation, org, app string, in []NewNetworkEntry, replace bool) (NetworkOutcome, error) {
	drafts, err := s.drafts(in)
	if err != nil {
		return NetworkOutcome{}, err
	}
	var did NetworkOutcome
	err = s.change(ctx, caller, op, org, func(tx *store.Tx, g *grant) error {
		var a Application // none: the platform's list
		if app != "" {
			if a, err = applicationOf(ctx, tx, g, app); err != nil {
				return err
			}
		}
		if err := mayAllow(a, drafts); err != nil {
			return err
		}
		put := &networkPut{ctx: ctx, tx: tx, list: listOf(a), by: caller.UserID, now: s.stamp()}
		if did, err = put.run(drafts, replace); err != nil {
			return err
		}
		if did.Added+did.Changed+did.Removed == 0 {
			return errSame
		}
		if err := put.hasRoom(); err != nil {
			return err
		}
		action := "network.added"
		if replace {
			action = "network.replaced"
		}
		detail := map[string]any{"added": did.Added, "changed": did.Changed, "removed": did.Removed, "networks": put.named}
		return recordNetworks(tx, g, a, action, detail)
	})
	return did, sameIsFine(err)
}

// mayAllow holds that allowing entries have an allow_networks to widen.
func mayAllow(a Application, drafts []NetworkEntry) error {
	at := slices.IndexFunc(drafts, func(e NetworkEntry) bool { return e.Action == access.AllowNetwork })
	if at < 0 {
		return nil
	}
	if a.ID != "" {
		document, err := catalog.ParseDocument(a.Document)
		if err != nil {
			return err
		}
		if !document.AllowNetworks.IsEmpty() {
			return nil
		}
	}
	return errNoAllowList.At(fmt.Sprintf("/items/%d/action", at))
}

// recordNetworks records what happened to a list. What concerns the platform is
// told to the organization of the administrator who did it.
func recordNetworks(tx *store.Tx, g *grant, a Application, action string, detail map[string]any) error {
	object := a.ID
	if object == "" {
		object = "platform"
	} else {
		detail["application"] = a.Slug
	}
	return tx.Record(action, g.org.ID, object, detail)
}

// networkPut writes entries into one list.
type networkPut struct {
	ctx   context.Context
	tx    *store.Tx
	list  access.NetworkList
	by    string // user id
	now   time.Time
	named []string // some of what was put or removed, for the event
}

func (p *networkPut) run(drafts []NetworkEntry, replace bool) (did NetworkOutcome, err error) {
	old, err := p.old(drafts, replace)
	if err != nil {
		return did, err
	}
	if replace {
		if did.Removed, err = p.removeOthers(old, drafts); err != nil {
			return did, err
		}
	}
	var put []NetworkEntry
	for i, e := range drafts {
		was, is := old[e.Network]
		denied := is && !replace && was.Action == access.DenyNetwork && !was.Expired(p.now)
		switch {
		case !is:
			did.Added++
		case denied && e.Action == access.AllowNetwork:
			return did, errNetworkDenied.At(fmt.Sprintf("/items/%d/action", i))
		case denied && was.Outlasts(e), was.Action == e.Action && was.Reason == e.Reason && was.Expires.Equal(e.Expires):
			did.Unchanged++
			continue
		default:
			did.Changed++
		}
		put = append(put, p.next(e, was))
	}
	return did, p.tx.PutNetworks(p.list, put)
}

// next is the entry to put in the place of was, which may be zero.
func (p *networkPut) next(e, was NetworkEntry) NetworkEntry {
	e.ID, e.Created, e.CreatedBy = was.ID, was.Created, p.by
	if e.ID == "" {
		e.ID, e.Created = seal.NewID("net"), p.now
	}
	p.name(networkText(e))
	return e
}

func (p *networkPut) name(text string) {
	if len(p.named) < namedInEvents {
		p.named = append(p.named, text)
	}
}

// old is what the list holds that a change may meet: all of it, if it is to be
// replaced.
func (p *networkPut) old(drafts []NetworkEntry, replace bool) (map[netip.Prefix]NetworkEntry, error) {
	old := map[netip.Prefix]NetworkEntry{}
	if replace {
		return old, each(func(after string) ([]NetworkEntry, error) {
			return p.tx.Networks(p.ctx, store.NetworkFilter{List: p.list}, store.Page{After: after, Limit: 1000})
		}, func(e NetworkEntry) string { return e.ID }, func(e NetworkEntry) error {
			old[e.Network] = e
			return nil
		})
	}
	networks := make([]netip.Prefix, len(drafts))
	for i, e := range drafts {
		networks[i] = e.Network
	}
	found, err := p.tx.NetworksAmong(p.ctx, p.list, networks)
	for _, e := range found {
		old[e.Network] = e
	}
	return old, err
}

func (p *networkPut) removeOthers(old map[netip.Prefix]NetworkEntry, drafts []NetworkEntry) (removed int, err error) {
	kept := make(map[netip.Prefix]bool, len(drafts))
	for _, e := range drafts {
		kept[e.Network] = true
	}
	var others []netip.Prefix
	for network := range old {
		if !kept[network] {
			others = append(others, network)
		}
	}
	return len(others), p.tx.DeleteNetworks(p.list, others...)
}

func (p *networkPut) hasRoom() error {
	n, err := p.tx.CountNetworks(p.ctx, p.list, p.now)
	if err == nil && n > MaxNetworkEntries {
		return access.New(access.Conflict, "too_many_networks", fmt.Sprintf("a list holds at most %d entries; join neighbours into networks, or delete some", MaxNetworkEntries))
	}
	return err
}

// networkText is an entry in an event: "deny 203.0.113.7 until 2026-01-05T10:30:00Z".
func networkText(e NetworkEntry) string {
	text := string(e.Action) + " " + access.FormatNetwork(e.Network)
	if !e.Expires.IsZero() {
		text += " until " + e.Expires.UTC().Format(time.RFC3339)
	}
	return text
}

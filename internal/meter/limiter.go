package meter

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// shards is how many parts the tables have, each with a lock of its own; at most
// 64, one bit each.
const shards = 32

// Limiter keeps the counts of limits. All its methods may be called at once.
type Limiter struct {
	seed   maphash.Seed
	room   occupancy
	next   atomic.Uint32 // shard to sweep
	shards [shards]limitShard
}

type limitShard struct {
	mu     sync.Mutex
	counts map[count]*counted
	spent  map[access.QuotaKey]int64 // since the last flush
	_      [64]byte                  // so that two locks do not share a cache line
}

type count struct {
	limit [16]byte
	party party
}

// counted is a count, and whose room it takes.
type counted struct {
	State
	organization string
}

// party is an id or an address. The zero party is all that found no room.
type party struct {
	id      string
	address netip.Addr
}

// Caller is whom limits are counted for. Without a pass, all but Organization,
// Application and Address are empty.
type Caller struct {
	Key, Member, Subject string
	Organization         string // that owns the application, and whose limits they are
	Application          string
	Holder               string // of the plan: a key or a membership
	Address              netip.Addr
}

func (c *Caller) party(by access.LimitBy) party {
	id := ""
	switch by {
	case access.PerKey:
		id = c.Key
	case access.PerMember:
		id = c.Member
	case access.PerSubject:
		id = c.Subject
	case access.PerOrganization:
		id = c.Organization
	case access.PerApplication:
		id = c.Application
	case access.PerHolder:
		id = c.Holder
	}
	if id != "" {
		return party{id: id}
	}
	address := c.Address.Unmap().WithZone("")
	switch {
	case !address.IsValid():
		return party{id: "unknown"}
	case address.Is6():
		// Whoever has one address of it has all: the smallest network that is given out.
		network, _ := address.Prefix(64)
		address = network.Addr()
	}
	return party{address: address}
}

// Admission is what the limits that apply say to a request.
type Admission struct {
	Refused string        // why not; empty: it is admitted
	Wait    time.Duration // until it would be
	// Values of the RateLimit-Policy and RateLimit headers of
	// draft-ietf-httpapi-ratelimit-headers; empty: no rate, size or quota applies.
	Policy, State string
}

// NewLimiter makes an empty one.
func NewLimiter() *Limiter {
	l := &Limiter{seed: maphash.MakeSeed(), room: occupancy{organizations: make(map[string]int), limits: make(map[[16]byte]int)}}
	for i := range l.shards {
		l.shards[i].counts = make(map[count]*counted)
		l.shards[i].spent = make(map[access.QuotaKey]int64)
	}
	return l
}

// charge is one limit of a request on its way.
type charge struct {
	limit        *access.CountedLimit
	organization string
	party        party
	shard        uint8
	state        *State
}

// charges are the limits that one request is counted under.
type charges struct {
	list [2 * access.MaxLimits]charge
	n    int
	mask uint64 // of shards
}

func (l *Limiter) charges(c *Caller, own, plan *access.Limits) (all charges) {
	for _, limits := range [2]*access.Limits{own, plan} {
		if limits == nil {
			continue
		}
		for i := range limits.List {
			limit := &limits.List[i]
			if limit.Rate.Count == 0 && limit.Bytes.Count == 0 && limit.Quota.Count == 0 || all.n == len(all.list) {
				continue
			}
			p := c.party(limit.Per)
			shard := l.shardOf(p)
			all.list[all.n] = charge{limit: limit, organization: c.Organization, party: p, shard: shard}
			all.n++
			all.mask |= 1 << shard
		}
	}
	return all
}

func (l *Limiter) shardOf(p party) uint8 {
	if p.id != "" {
		return uint8(maphash.String(l.seed, p.id) % shards)
	}
	address := p.address.As16()
	return uint8(maphash.Bytes(l.seed, address[:]) % shards)
}

// lock takes the locks of all shards of a mask, always in the same order.
func (l *Limiter) lock(mask uint64) {
	for ; mask != 0; mask &= mask - 1 {
		l.shards[bits.TrailingZeros64(mask)].mu.Lock()
	}
}

func (l *Limiter) unlock(mask uint64) {
	for ; mask != 0; mask &= mask - 1 {
		l.shards[bits.TrailingZeros64(mask)].mu.Unlock()
	}
}

// Admit counts one request under the limits of its resource and of the caller's
// plan, if all of them admit it; else under none.
func (l *Limiter) Admit(now time.Time, c *Caller, own, plan *access.Limits) Admission {
	return l.AdmitAll(now, c, own, plan, 1)
}

// AdmitAll is [Limiter.Admit] for requests that come together: all of them are
// counted, or none.
func (l *Limiter) AdmitAll(now time.Time, c *Caller, own, plan *access.Limits, requests int64) Admission {
	all := l.charges(c, own, plan)
	list := all.list[:all.n]
	if len(list) == 0 {
		return Admission{}
	}
	var out Admission
	var states [len(all.list)]State
	l.lock(all.mask)
	for i := range list {
		ch := &list[i]
		ch.state = l.stateLocked(ch, now)
		if refused, wait := Judge(&ch.limit.Limit, *ch.state, now, requests); refused != "" && (out.Refused == "" || wait > out.Wait) {
			out.Refused, out.Wait = refused, wait
		}
	}
	for i := range list {
		ch := &list[i]
		if out.Refused == "" {
			*ch.state = ch.state.After(&ch.limit.Limit, now, requests, 0)
			if ch.limit.Quota.Count > 0 {
				l.shards[ch.shard].spent[ch.quotaKey()] += requests
			}
		}
		states[i] = ch.state.at(&ch.limit.Limit, now)
	}
	l.unlock(all.mask)

	out.State = stateText(list, states[:], now)
	out.Policy = policyText(own, plan)
	return out
}

// Spend counts bytes of a request that was admitted before.
func (l *Limiter) Spend(now time.Time, c *Caller, own, plan *access.Limits, bytes int64) {
	all := l.charges(c, own, plan)
	for i := range all.list[:all.n] {
		ch := &all.list[i]
		if ch.limit.Bytes.Count == 0 {
			continue
		}
		shard := &l.shards[ch.shard]
		shard.mu.Lock()
		state := l.stateLocked(ch, now)
		*state = state.After(&ch.limit.Limit, now, 0, bytes)
		shard.mu.Unlock()
	}
}

// Exhausted reports whether a limit of bytes has none left for the caller. It
// counts nothing.
func (l *Limiter) Exhausted(now time.Time, c *Caller, own, plan *access.Limits) bool {
	all := l.charges(c, own, plan)
	for i := range all.list[:all.n] {
		ch := &all.list[i]
		if ch.limit.Bytes.Count == 0 {
			continue
		}
		shard := &l.shards[ch.shard]
		shard.mu.Lock()
		state := l.stateLocked(ch, now).at(&ch.limit.Limit, now)
		shard.mu.Unlock()
		if state.bytesWait(&ch.limit.Limit, now) > 0 {
			return true
		}
	}
	return false
}

// stateLocked finds or begins the count of a party. It drops none: another charge
// of the same request may hold it.
func (l *Limiter) stateLocked(ch *charge, now time.Time) *State {
	shard := &l.shards[ch.shard]
	key := count{ch.limit.ID, ch.party}
	if c := shard.counts[key]; c != nil {
		return &c.State
	}
	if l.room.take(ch.organization, ch.limit.ID) {
		c := &counted{organization: ch.organization}
		shard.counts[key] = c
		return &c.State
	}
	ch.party = party{}
	return l.sharedLocked(shard, ch.limit.ID, ch.organization)
}

// sharedLocked finds or begins the count of a limit's parties that found no room.
func (l *Limiter) sharedLocked(shard *limitShard, limit [16]byte, organization string) *State {
	key := count{limit: limit}
	c := shard.counts[key]
	if c == nil {
		c = &counted{organization: organization}
		shard.counts[key] = c
		l.room.share(organization, limit)
	}
	return &c.State
}

// Sweep drops counts that are whole again: of one part of the table each time, or
// of all of it after somebody found no room. What an organization has beyond its
// part, while others need it, is shared from then on.
func (l *Limiter) Sweep(now time.Time) {
	parts := 1
	if l.room.tight() {
		parts = shards
	}
	for range parts {
		shard := &l.shards[l.next.Add(1)%shards]
		shard.mu.Lock()
		l.sweepLocked(shard, now)
		shard.mu.Unlock()
	}
}

func (l *Limiter) sweepLocked(shard *limitShard, now time.Time) {
	for key, c := range shard.counts {
		idle := c.idle(now)
		if !idle && (key.party == party{} || !l.room.exceeds(c.organization)) {
			continue
		}
		delete(shard.counts, key)
		l.room.give(c.organization, key.limit)
		if !idle {
			shared := l.sharedLocked(shard, key.limit, c.organization)
			*shared = shared.stricter(c.State)
		}
	}
}

// Parties is how many counts are kept now.
func (l *Limiter) Parties() int { return l.room.taken() }

func (ch *charge) quotaKey() access.QuotaKey {
	return access.QuotaKey{OrganizationID: ch.organization, Limit: ch.limit.ID, Party: ch.party.text(), Until: ch.state.until}
}

const idMark, addressMark = "=", "@"

// text tells a party from every other one, also a subject that is written like an
// address.
func (p party) text() string {
	if p.address.IsValid() {
		return addressMark + p.address.String()
	}
	return idMark + p.id
}

func parseParty(text string) (party, bool) {
	if id, ok := strings.CutPrefix(text, idMark); ok {
		return party{id: id}, true
	}
	address, err := netip.ParseAddr(strings.TrimPrefix(text, addressMark))
	return party{address: address}, err == nil
}

// Restore begins with what was used of quotas before this start. Call it before
// the first request, with what matters most first: what finds no room is counted
// with those that share.
func (l *Limiter) Restore(counts []access.QuotaCount) {
	for _, c := range counts {
		p, ok := parseParty(c.Party)
		if !ok {
			continue
		}
		used := State{used: c.Count, until: c.Until}
		if p == (party{}) {
			l.restoreShared(c, used)
			continue
		}
		shard := &l.shards[l.shardOf(p)]
		shard.mu.Lock()
		if key := (count{c.Limit, p}); shard.counts[key] == nil && l.room.take(c.OrganizationID, c.Limit) {
			shard.counts[key] = &counted{State: used, organization: c.OrganizationID}
		}
		shard.mu.Unlock()
	}
}

// restoreShared gives each part of the table its part of what all that shared have
// used together: who used what is not known.
func (l *Limiter) restoreShared(c access.QuotaCount, used State) {
	used.used = (c.Count + shards - 1) / shards
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		*l.sharedLocked(shard, c.Limit, c.OrganizationID) = used
		shard.mu.Unlock()
	}
}

// drain takes what was used of quotas since the last time. What waits for a sink
// that is away grows no further than the table.
func (l *Limiter) drain(into map[access.QuotaKey]int64) {
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		spent := shard.spent
		if len(spent) > 0 {
			shard.spent = make(map[access.QuotaKey]int64, len(spent))
		}
		shard.mu.Unlock()
		for key, n := range spent {
			if _, there := into[key]; there || len(into) < MaxParties {
				into[key] += n
			}
		}
	}
}

func policyText(own, plan *access.Limits) string {
	switch {
	case plan == nil || plan.Policy == "":
		return own.Policy
	case own == nil || own.Policy == "":
		return plan.Policy
	}
	return own.Policy + ", " + plan.Policy
}

// stateText writes what is left as a list of items (RFC 9651): "rate";r=99;t=1
func stateText(list []charge, states []State, now time.Time) string {
	buffer := make([]byte, 0, 256)
	item := func(name string, left Left) {
		if len(buffer) > 0 {
			buffer = append(buffer, ", "...)
		}
		buffer = append(append(append(buffer, '"'), name...), `";r=`...)
		buffer = append(strconv.AppendInt(buffer, left.Count, 10), ";t="...)
		buffer = strconv.AppendInt(buffer, Seconds(left.Reset), 10)
	}
	for i := range list {
		limit := list[i].limit
		if limit.Rate.Count > 0 {
			item(limit.RateName, rateLeft(&limit.Limit, states[i], now))
		}
		if limit.Bytes.Count > 0 {
			item(limit.BytesName, bytesLeft(&limit.Limit, states[i], now))
		}
		if limit.Quota.Count > 0 {
			item(limit.QuotaName, quotaLeft(&limit.Limit, states[i], now))
		}
	}
	return string(buffer)
}

// Seconds is a time to wait in whole seconds, rounded up, so that nobody comes
// back too early.
func Seconds(d time.Duration) int64 { return int64((max(d, 0) + time.Second - 1) / time.Second) }

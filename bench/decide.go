package main

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/scope"
)

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

// scene is a request with its pass, and the view it is decided on.
type scene struct {
	app     *catalog.Application
	request gate.Request
	pass    *access.Token
	view    *gate.View
}

// newScene asks for a plain path in the middle of count resources. There may be many revocations, none of which concerns the pass:
// it is as old as all of them, so that each has to be ruled out.
func newScene(count, revocations int) (*scene, error) {
	org, app := seal.NewID("org"), seal.NewID("app")
	compiled, err := catalog.Compile(access.Application{
		ID: app, OrganizationID: org, Organization: organization, Slug: application, Document: []byte(resourceFile("", count)), Active: true,
	})
	if err != nil {
		return nil, err
	}
	path, err := catalog.ParsePath(target(count / 2 &^ 3))
	if err != nil {
		return nil, err
	}
	var none *catalog.Catalog
	s := &scene{
		app:     compiled,
		request: gate.Request{Method: "GET", Host: host, Path: path, Address: netip.MustParseAddr("198.51.100.7")},
		pass:    newPass(org, count),
		view:    &gate.View{Catalog: none.With(compiled), Revision: 1, Confirmed: noon},
	}
	if revocations > 0 {
		s.view.Revocations = manyRevocations(revocations)
	}
	if d := s.decide(); !d.Allow {
		return nil, fmt.Errorf("a request that is to be allowed was denied: %s", d.Reason)
	}
	return s, nil
}

func newPass(org string, count int) *access.Token {
	var patterns []scope.Pattern
	for i := range scopes {
		patterns = append(patterns, scope.MustParse(fmt.Sprintf("area%d:read", count/2&^3+i)))
	}
	t := &access.Token{
		ID: seal.NewID("tok"), Subject: seal.NewID("usr"), Organization: organization, OrganizationID: org,
		UserID: seal.NewID("usr"), MembershipID: seal.NewID("mem"), Source: access.Source{KeyID: seal.NewID("key"), KeyVersion: 1},
		IssuedAt: noon, NotBefore: noon, Revision: 1,
		Authority: access.Authority{
			Scopes:     scope.NewSet(patterns...),
			Roles:      []access.Role{{Name: access.Consumer, OrganizationID: org}},
			Audiences:  []access.Audience{{Organization: organization, OrganizationID: org}},
			Everywhere: true, NotAfter: noon.Add(time.Hour),
		},
	}
	t.Seal()
	return t
}

// manyRevocations has most of its entries from a start and the rest from changes since.
func manyRevocations(count int) *gate.Revocations {
	list := make([]access.Revocation, count)
	for i := range list {
		list[i] = access.Revocation{Subject: seal.NewID("tok"), Revision: int64(i + 2), Reason: "token_revoked"}
	}
	late := count / 200
	return gate.NewRevocations(list[late:]...).With(list[:late]...)
}

func (s *scene) decide() gate.Decision {
	return gate.Decide(&s.request, s.pass, s.view, noon)
}

// match looks for the resource alone.
func (s *scene) match() *catalog.Resource {
	return s.app.Match("GET", s.request.Path)
}

const (
	turns = 301
	burst = 2_000 // calls in a turn: about a millisecond, so that most turns run undisturbed
)

// inTurns times functions against each other: a short burst of the one, then of the next, many times. It returns
// nanoseconds per call, by function and turn.
func inTurns(functions ...func()) [][]float64 {
	times := make([][]float64, len(functions))
	for range turns {
		for i, call := range functions {
			began := time.Now()
			for range burst {
				call()
			}
			times[i] = append(times[i], float64(time.Since(began).Nanoseconds())/burst)
		}
	}
	return times
}

func medianRatio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return middle(ratios)
}

// measureDecide looks at the decision alone, in this process.
func (b *bench) measureDecide(context.Context) ([]row, error) {
	s, err := newScene(resources, 0)
	if err != nil {
		return nil, err
	}
	const most, mostAllocations = 2000.0, 2.0
	took := middle(inTurns(func() { s.decide() })[0])
	allocations := testing.AllocsPerRun(burst, func() { s.decide() })
	return []row{
		{What: "Decide, 200 resources, 20 scopes", Ours: nanos(took), Required: "< 2 µs", Met: took < most},
		{What: "— allocations", Ours: fmt.Sprint(allocations), Required: "≤ 2", Met: allocations <= mostAllocations},
	}, nil
}

// measureMatch compares matching among few, many and very many resources.
func (b *bench) measureMatch(context.Context) ([]row, error) {
	sizes := []int{10, 1_000, 10_000}
	var functions []func()
	for _, n := range sizes {
		s, err := newScene(n, 0)
		if err != nil {
			return nil, err
		}
		functions = append(functions, func() { s.match() })
	}
	times := inTurns(functions...)
	const most = 3.0
	var rows []row
	for i, n := range sizes {
		r := row{What: fmt.Sprintf("match a path among %s resources", thousands(n)), Ours: nanos(middle(times[i])), Met: true}
		if i > 0 {
			ratio := medianRatio(times[i], times[0])
			r.Floor, r.Ratio, r.Required, r.Met = nanos(middle(times[0])), fmt.Sprintf("%.2f", ratio), "≤ 3", ratio <= most
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// measureRevocations compares decisions with and without many revocations.
func (b *bench) measureRevocations(context.Context) ([]row, error) {
	const count, most = 100_000, 1.10
	without, err := newScene(resources, 0)
	if err != nil {
		return nil, err
	}
	with, err := newScene(resources, count)
	if err != nil {
		return nil, err
	}
	times := inTurns(func() { with.decide() }, func() { without.decide() })
	ratio := medianRatio(times[0], times[1])
	return []row{{
		What: "Decide with 100,000 live revocations, beside none", Ours: nanos(middle(times[0])), Floor: nanos(middle(times[1])),
		Ratio: fmt.Sprintf("%.2f", ratio), Required: "< 1.10", Met: ratio < most,
	}}, nil
}

// manyNetworks is a list of single addresses and small networks, of which the most come from a start and the rest from
// changes since. None holds the address that asks.
func manyNetworks(count int, application string) *gate.Networks {
	list := make([]access.NetworkChange, count)
	for i := range list {
		bits := []int{32, 32, 32, 29}[i%4]
		at := uint32(i) * 40_503 // odd, so that they are spread and none is there twice
		network := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(11 + at>>24%100), byte(at >> 16), byte(at >> 8), byte(at)}), bits).Masked()
		list[i].NetworkEntry = access.NetworkEntry{
			ApplicationID: application, Network: network, Action: access.DenyNetwork, Reason: "scans", Expires: noon.Add(time.Duration(i%3) * time.Hour),
		}
	}
	late := count / 200
	var none *gate.Networks
	return none.With(list[late:]...).With(list[:late]...)
}

// measureNetworks compares decisions with and without long lists of denied networks, the application's and the platform's.
func (b *bench) measureNetworks(context.Context) ([]row, error) {
	const count, most = 100_000, 1.05
	without, err := newScene(resources, 0)
	if err != nil {
		return nil, err
	}
	with, err := newScene(resources, 0)
	if err != nil {
		return nil, err
	}
	with.view.Networks = manyNetworks(count, with.app.ID)
	if d := with.decide(); !d.Allow {
		return nil, fmt.Errorf("a request that no entry concerns was denied: %s", d.Reason)
	}
	times := inTurns(func() { with.decide() }, func() { without.decide() })
	ratio := medianRatio(times[0], times[1])
	return []row{{
		What: "Decide with 100,000 denied networks, beside none", Ours: nanos(middle(times[0])), Floor: nanos(middle(times[1])),
		Ratio: fmt.Sprintf("%.2f", ratio), Required: "< 1.05", Met: ratio < most,
	}}, nil
}

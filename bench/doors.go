package main

import (
	"context"
	"errors"
	"time"
)

const connections = 32

// Rounds after which the server has to come to rest are longer and fewer.
const (
	settledRound  = 1500 * time.Millisecond
	settledRounds = 5
)

// manyPasses is how many different passes the warm measurements use.
const manyPasses = 16

// measureForwardAuth asks as a proxy does, with passes that were seen before.
func (b *bench) measureForwardAuth(ctx context.Context) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	bare, err := spawn(ctx, "floor-204")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	passes, err := h.passes(manyPasses)
	if err != nil {
		return nil, err
	}
	v := b.brief(volley{Connections: connections, Requests: forwardAuthRequests(passes), Status: 204})
	d := duel{ours: side{server: h.child, volley: v.at(h.Ready.Listen)}, floor: side{server: bare, volley: v.at(bare.Ready.Listen)}, rounds: b.rounds}
	if err := b.profile(h, "forward-auth", d.ours.volley); err != nil {
		return nil, err
	}
	o, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	return []row{
		o.rateRow("forward-auth, warm pass, 200 resources, beside a bare 204", 0.70),
		o.timeRow("— median", p50),
		o.boundedRow("— p99 at 32 connections", p99, 2),
		o.processorRow("— processor time of one request"),
	}, nil
}

// measureGateway sends through the gateway and through a bare proxy to the same upstream.
func (b *bench) measureGateway(ctx context.Context) (rows []row, err error) {
	upstream, err := spawn(ctx, "floor-upstream")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, upstream.stop()) }()
	bare, err := spawn(ctx, "floor-proxy", upstream.Ready.Listen)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	h, err := b.newHouse(ctx, upstream.Ready.Listen)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	passes, err := h.passes(manyPasses)
	if err != nil {
		return nil, err
	}
	v := b.brief(volley{Connections: connections, Requests: gatewayRequests(passes), Status: 200})
	d := duel{ours: side{server: h.child, volley: v.at(h.Ready.Gateway)}, floor: side{server: bare, volley: v.at(bare.Ready.Listen)}, rounds: b.rounds}
	if err := b.profile(h, "gateway", d.ours.volley); err != nil {
		return nil, err
	}
	busy, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	// A median means little while 32 requests queue for two processors: it is the throughput upside down. One connection
	// alone shows what the gateway adds to a request. It is a matter of microseconds, so its rounds are more and shorter.
	d.ours.volley, d.floor.volley = b.alone(d.ours.volley), b.alone(d.floor.volley)
	d.rounds = 3 * b.rounds
	alone, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	telling, err := spawn(ctx, "floor-telling", upstream.Ready.Listen)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, telling.stop()) }()
	d.floor.server, d.floor.volley = telling, d.floor.volley.at(telling.Ready.Listen)
	beside, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	const most = 20 * time.Microsecond
	added := alone.excessRow("— median of one connection alone")
	added.Required, added.Met = "≤ +20 µs", alone.excess(p50) <= most
	return []row{
		busy.rateRow("gateway, warm pass, beside a bare ReverseProxy", 0.90),
		busy.timeRow("— median at 32 connections", p50),
		busy.timeRow("— p99 at 32 connections", p99),
		busy.processorRow("— processor time of one request"),
		added,
		beside.excessRow("— the same, beside a ReverseProxy that sets as many headers"),
	}, nil
}

// alone is v by a single connection.
func (b *bench) alone(v volley) volley {
	v.Connections, v.Warm, v.For = 1, b.round/15, b.round/3
	return v
}

// measureExchange turns a key into passes, each with 20 scopes and an audience.
func (b *bench) measureExchange(ctx context.Context) (rows []row, err error) {
	return b.exchangeDuel(ctx, "exchange", "exchange, key → ES256 pass, beside one bare ES256 signature", 0.60,
		func(h *house) ([]byte, error) { return exchangeRequest(h.key), nil })
}

// exchangeDuel measures a way to turn a key into passes beside a server that only signs.
func (b *bench) exchangeDuel(ctx context.Context, name, what string, required float64, ask func(*house) ([]byte, error)) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	bare, err := spawn(ctx, "floor-sign")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	request, err := ask(h)
	if err != nil {
		return nil, err
	}
	v := volley{Connections: connections, Requests: [][]byte{request}, Status: 200, For: settledRound}
	d := duel{ours: side{server: h.child, volley: v.at(h.Ready.Listen), settles: true}, floor: side{server: bare, volley: v.at(bare.Ready.Listen)}, rounds: settledRounds}
	// Warmed by rounds of their own: all that a round causes is to count, and nothing else.
	for _, s := range []side{d.ours, d.floor} {
		if _, err := b.shoot(s); err != nil {
			return nil, err
		}
	}
	if err := b.profile(h, name, d.ours.volley); err != nil {
		return nil, err
	}
	if _, err := h.settle(); err != nil {
		return nil, err
	}
	o, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	return []row{
		o.rateRow(what, required),
		o.timeRow("— median", p50),
		o.timeRow("— p99 at 32 connections", p99),
		o.processorRow("— processor time of one request, its record included"),
	}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// deniedNetworks is how many addresses the guarded application keeps out.
const deniedNetworks = 10_000

// measureLimits asks a server whose application counts, limits and keeps addresses out the same as one that does none of
// it, through forward-auth.
func (b *bench) measureLimits(ctx context.Context) (rows []row, err error) {
	plain, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plain.stop()) }()
	guarded, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, guarded.stop()) }()
	if err := guarded.put(guardedFile()); err != nil {
		return nil, err
	}
	d := duel{rounds: b.rounds}
	for _, s := range []struct {
		house *house
		side  *side
	}{{guarded, &d.ours}, {plain, &d.floor}} {
		passes, err := s.house.passes(manyPasses)
		if err != nil {
			return nil, err
		}
		v := b.brief(volley{Connections: connections, Requests: forwardAuthRequests(passes), Status: 204})
		*s.side = side{server: s.house.child, volley: v.at(s.house.Ready.Listen)}
	}
	if err := b.profile(guarded, "limits", d.ours.volley); err != nil {
		return nil, err
	}
	o, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	return []row{
		o.rateRow(fmt.Sprintf("forward-auth with a rate, a quota and %d denied networks, beside none", deniedNetworks), 0.90),
		o.timeRow("— median", p50),
		o.processorRow("— processor time of one request"),
	}, nil
}

// guardedFile is the usual resource file with limits that are never reached, and networks that nobody calls from.
func guardedFile() string {
	var file strings.Builder
	for line := range strings.Lines(resourceFile("", resources)) {
		file.WriteString(line)
		if strings.Contains(line, "require:") {
			file.WriteString("    limit: { rate: 1000000/s, burst: 1000000, quota: 1000000000/d, per: key }\n")
		}
	}
	file.WriteString("deny_networks:\n")
	for i := range deniedNetworks {
		fmt.Fprintf(&file, "  - 10.%d.%d.0/24\n", i/256, i%256)
	}
	return file.String()
}

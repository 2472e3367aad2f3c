package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// side is one of the two servers of a duel.
type side struct {
	server *child
	volley volley
	// settles is set where the server goes on working after its answers are sent.
	settles bool
}

// duel is ours and its floor.
type duel struct {
	ours, floor side
	rounds      int
}

// brief has v sent for a short time. Many short rounds say more than a few long ones: what else the machine does changes
// from second to second, and then meets both sides alike.
func (b *bench) brief(v volley) volley {
	v.Warm, v.For = b.round/5, b.round
	return v
}

// shot is one round of one side.
type shot struct {
	impact
	processor time.Duration // that the server used
}

// outcome holds the rounds of a duel; ours[i] and floor[i] are neighbours in time.
type outcome struct{ ours, floor []shot }

// fight measures in turns. Who begins alternates, so that a machine that grows slower or faster favours neither.
func (b *bench) fight(d duel) (outcome, error) {
	var o outcome
	for i := range d.rounds {
		for turn := range 2 {
			from, list := d.floor, &o.floor
			if (i+turn)%2 == 0 {
				from, list = d.ours, &o.ours
			}
			s, err := b.shoot(from)
			if err != nil {
				return o, err
			}
			*list = append(*list, s)
		}
	}
	return o, nil
}

// shoot measures one round. What the server still does afterwards belongs to it: were it to go on, it would have to be
// done beside the requests.
func (b *bench) shoot(from side) (shot, error) {
	before, err := from.server.cpu()
	if err != nil {
		return shot{}, err
	}
	got, err := fire(b.generator, from.volley)
	if err != nil {
		return shot{}, err
	}
	if from.settles {
		rest, err := from.server.settle()
		if err != nil {
			return shot{}, err
		}
		got.Took += rest / time.Duration(runtime.NumCPU())
	}
	after, err := from.server.cpu()
	return shot{got, after - before}, err
}

// of applies a measure to a list.
func of[T any](list []shot, measure func(shot) T) []T {
	values := make([]T, len(list))
	for i, s := range list {
		values[i] = measure(s)
	}
	return values
}

// ratio is the median over the rounds of ours by its floor, with the quartiles: half of the rounds lie between them.
func (o outcome) ratio(measure func(shot) float64) (median, low, high float64) {
	ratios := of(o.ours, measure)
	for i, floor := range of(o.floor, measure) {
		ratios[i] /= floor
	}
	slices.Sort(ratios)
	n := len(ratios)
	return ratios[n/2], ratios[n/4], ratios[n-1-n/4]
}

// excess is the median over the rounds of how much longer ours took than the floor.
func (o outcome) excess(measure func(shot) time.Duration) time.Duration {
	differences := of(o.ours, measure)
	for i, floor := range of(o.floor, measure) {
		differences[i] -= floor
	}
	return middle(differences)
}

// middle is the median.
func middle[T cmp.Ordered](list []T) T { return slices.Sorted(slices.Values(list))[len(list)/2] }

func rate(s shot) float64      { return float64(s.Requests) / s.Took.Seconds() }
func p50(s shot) time.Duration { return s.P50 }
func p99(s shot) time.Duration { return s.P99 }

// processing is the processor time of one request, over all rounds: the kernel counts it too coarsely for a single one.
func processing(list []shot) time.Duration {
	var used time.Duration
	requests := 0
	for _, s := range list {
		used += s.processor
		requests += s.Warming + s.Requests
	}
	return used / time.Duration(requests)
}

// rateRow compares throughputs.
func (o outcome) rateRow(what string, least float64) row {
	ratio, low, high := o.ratio(rate)
	return row{
		What: what, Ours: perSecond(middle(of(o.ours, rate))), Floor: perSecond(middle(of(o.floor, rate))),
		Ratio: fmt.Sprintf("%.2f (%.2f–%.2f)", ratio, low, high), Required: fmt.Sprintf("≥ %.2f", least), Met: ratio >= least,
	}
}

// timeRow compares times, for their own sake.
func (o outcome) timeRow(what string, measure func(shot) time.Duration) row {
	return row{
		What: what, Ours: micros(middle(of(o.ours, measure))), Floor: micros(middle(of(o.floor, measure))),
		Ratio: fmt.Sprintf("%.2f", o.timeRatio(measure)), Met: true,
	}
}

// excessRow tells how much longer the median of ours takes.
func (o outcome) excessRow(what string) row {
	r := o.timeRow(what, p50)
	r.Ratio = fmt.Sprintf("%+.1f µs", float64(o.excess(p50))/1e3)
	return r
}

// processorRow compares what a request costs the machine, whatever else it does.
func (o outcome) processorRow(what string) row {
	ours, floor := processing(o.ours), processing(o.floor)
	return row{What: what, Ours: micros(ours), Floor: micros(floor), Ratio: fmt.Sprintf("%.2f", float64(ours)/float64(floor)), Met: true}
}

// boundedRow compares times that may be only so many times the floor's.
func (o outcome) boundedRow(what string, measure func(shot) time.Duration, most float64) row {
	r := o.timeRow(what, measure)
	r.Required, r.Met = fmt.Sprintf("≤ %g", most), o.timeRatio(measure) <= most
	return r
}

func (o outcome) timeRatio(measure func(shot) time.Duration) float64 {
	ratio, _, _ := o.ratio(func(s shot) float64 { return float64(measure(s)) })
	return ratio
}

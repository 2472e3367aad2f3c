// Package meter counts what happens at the doors: which key was used when and
// from where, which tokens were issued, how many requests ended how ([Recorder]),
// and, for a while, what was asked and answered; and it holds callers to their
// limits ([Limiter]).
//
// It owns the fold in memory and its flushing in batches, so that no request
// waits for a database. It refuses to grow without bound: when the sink is away
// for long, counters keep folding and token records are dropped only by refusing
// to issue in strict mode; beyond a number of parties, new ones share one count.
//
// Whether a limit admits a request is a pure function of the limit, the state of
// one count and the time ([Judge], [State.After]). The [Limiter] only keeps the
// states: it locks those that concern a request together, so that of any number
// of requests at once exactly as many pass as the limits say. Rates are kept in
// memory alone and begin full; quotas are restored from the store at start, and
// what a killed process had not flushed, at most a second's, is lost.
package meter

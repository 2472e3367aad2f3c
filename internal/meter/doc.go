// Package meter counts what happens at the doors: which key was used when and
// from where, which tokens were issued, how many requests ended how, and, for a
// while, what was asked and answered.
//
// It owns the fold in memory and its flushing in batches, so that no request
// waits for a database. It refuses to decide anything and to grow without bound:
// when the sink is away for long, counters keep folding and token records are
// dropped only by refusing to issue in strict mode.
package meter

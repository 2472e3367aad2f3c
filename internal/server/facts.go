package server

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/scope"
)

// witness is what the doors hand requests to: all are counted, most are kept.
type witness struct {
	facts   *meter.Facts
	metrics *metrics
}

// Record implements [edge.Facts].
func (w witness) Record(fact access.Fact, used []scope.Pattern) {
	if was, shadow, tried := gate.Recorded(&fact); tried {
		w.metrics.shadowed[gate.ChangeOf(was.Reason, shadow.Reason)].Inc()
	}
	w.facts.Record(fact, used)
}

// keepFacts writes facts as they come.
func (s *Server) keepFacts(ctx context.Context) {
	s.facts.Run(ctx, time.Second, func(err error) {
		s.metrics.batchErrs.Inc()
		s.log.Error("facts of requests could not be written; they are kept for later", "error", err)
	})
}

// pruneEvery bounds by how many facts the bound may be passed.
const pruneEvery = time.Minute

// pruneFacts drops facts that are old or too many.
func (s *Server) pruneFacts(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		now := s.now()
		_, facts := s.store.PruneFacts(ctx, now.Add(-s.config.FactsKeep), admin.MaxFacts)
		_, uses := s.store.PruneKeyScopes(ctx, access.Day(now)-admin.KeepKeyScopes)
		if err := errors.Join(facts, uses); err != nil && ctx.Err() == nil {
			s.log.Error("old facts could not be dropped", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

package server

import "context"

// Prune is what tidy does once an hour; the number is how many revocations stay.
func (s *Server) Prune(ctx context.Context) (kept int, err error) {
	err = s.feed.prune(ctx)
	return s.gate.View().Revocations.Len(), err
}

// PrunePlans is what tidy does once an hour; the number is how many holders stay.
func (s *Server) PrunePlans(ctx context.Context) (holders int, err error) {
	err = s.feed.prunePlans(ctx)
	return s.gate.View().Plans.Holders(), err
}

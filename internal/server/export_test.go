package server

import "context"

// Prune is what tidy does once an hour; the number is how many revocations stay.
func (s *Server) Prune(ctx context.Context) (kept int, err error) {
	err = s.feed.prune(ctx)
	return s.gate.View().Revocations.Len(), err
}

package store

import "context"

// Tamper runs a statement on the write side, past every rule of the package.
func (s *Store) Tamper(ctx context.Context, statement string) error {
	_, err := s.open.Load().write.ExecContext(ctx, statement)
	return err
}

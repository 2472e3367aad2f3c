package daypass

import "context"

// Fetch asks as the source would, at once.
func Fetch(ctx context.Context, s *TokenSource, last *Token) (*Token, error) {
	return s.fetch(ctx, last)
}

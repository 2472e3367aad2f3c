package admin

import (
	"context"

	"github.com/daypass/daypass/internal/access"
)

// MayReadFeed is nil if the caller may read the feed of revocations. It names
// things of every organization, so it is for administrators.
func (s *Service) MayReadFeed(ctx context.Context, caller *access.Caller) error {
	_, err := s.authorize(ctx, s.store, caller, opReadFeed, caller.Organization.ID)
	return err
}

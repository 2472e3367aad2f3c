package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// EventFilter narrows a list of events.
type EventFilter struct {
	Action string // "key.created", or "key" for all of that noun
	Object string // id of what changed
	User   string // id of who did it
	Since  time.Time
	Until  time.Time // exclusive
}

// Events lists the changes of an organization, the newest first.
func (s *Service) Events(ctx context.Context, caller *access.Caller, org string, filter EventFilter, p Page) (List[access.Event], error) {
	g, err := s.authorize(ctx, s.store, caller, opListEvents, org)
	if err != nil {
		return List[access.Event]{}, err
	}
	var wrong faults
	wrong.text("/action", filter.Action, maxName)
	wrong.text("/object", filter.Object, maxName)
	wrong.text("/actor", filter.User, maxName)
	if err := wrong.err(); err != nil {
		return List[access.Event]{}, err
	}
	l := listing{"events", g.org.ID, filter.Action, filter.Object, filter.User, stampText(filter.Since), stampText(filter.Until)}
	return paged(s, l, p,
		func(after string, limit int) ([]access.Event, error) {
			before, err := revision(after)
			if err != nil {
				return nil, err
			}
			return s.store.Events(ctx, store.EventFilter{
				OrganizationID: g.org.ID, Action: filter.Action, ObjectID: filter.Object, ActorUserID: filter.User,
				Since: filter.Since, Until: filter.Until, BeforeRevision: before,
			}, limit)
		},
		func(e access.Event) string { return strconv.FormatInt(e.Revision, 10) }, as[access.Event])
}

func revision(after string) (int64, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0, errCursor
	}
	return n, nil
}

func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

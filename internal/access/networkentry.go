package access

import (
	"net/netip"
	"time"
)

// NetworkAction is what an entry of a list of networks does.
type NetworkAction string

// The actions. Where both hold an address, deny wins.
const (
	DenyNetwork  NetworkAction = "deny"
	AllowNetwork NetworkAction = "allow"
)

// NetworkEntry is one entry of a list of networks, beside those of resource
// files: of one application or, with neither organization nor application, of
// the whole platform. A list has a network once.
type NetworkEntry struct {
	ID             string // net_…
	OrganizationID string
	ApplicationID  string
	Network        netip.Prefix // canonical, as [ParseNetwork] gives it
	Action         NetworkAction
	Reason         string
	Expires        time.Time // from then on it is as good as gone; zero: never
	Created        time.Time
	CreatedBy      string // id of the user who last put it
	Revision       int64
}

// Expired reports whether the entry counts no more at a time.
func (e *NetworkEntry) Expired(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires)
}

// Outlasts reports whether the entry ends after another.
func (e *NetworkEntry) Outlasts(other NetworkEntry) bool {
	return !other.Expires.IsZero() && (e.Expires.IsZero() || e.Expires.After(other.Expires))
}

// NetworkList names a list of networks. The zero value is the platform's.
type NetworkList struct{ OrganizationID, ApplicationID string }

// NetworkChange is an entry as a follower of the feed learns of it.
type NetworkChange struct {
	NetworkEntry
	Deleted bool
}

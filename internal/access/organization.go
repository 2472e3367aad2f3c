package access

import (
	"net/netip"
	"time"
)

// Organization owns applications and is what tenancy means: nothing of one is
// visible from another. Slugs are unique and never change.
type Organization struct {
	ID       string
	Slug     string
	Name     string
	Active   bool
	Created  time.Time
	Revision int64
}

// User is a person or a machine. It acts only through a [Membership].
type User struct {
	ID       string
	Name     string
	Email    string
	Active   bool
	Created  time.Time
	Revision int64
}

// Membership is a user's place in one organization.
type Membership struct {
	ID             string
	OrganizationID string
	UserID         string
	Roles          []Role
	Comment        string
	Active         bool
	Created        time.Time
	LastAccess     LastUse
	PlanID         string // empty: none
	Revision       int64
}

// LastUse is when, from where and with what something was last used. Its zero
// value is never.
type LastUse struct {
	Time      time.Time
	Address   netip.Addr
	UserAgent string // at most 200 bytes
}

// Application is one protected API. Document is its resource file, as accepted;
// the catalog reads it.
type Application struct {
	ID             string
	OrganizationID string
	Organization   string // slug
	Slug           string
	Document       []byte // YAML or JSON, exactly as it was put
	Shadow         []byte // a resource file that is tried beside it and not enforced; nil: none
	Active         bool
	Created        time.Time
	Revision       int64
}

// Audience is the audience of this application alone.
func (a Application) Audience() Audience {
	return Audience{Organization: a.Organization, Application: a.Slug, OrganizationID: a.OrganizationID, ApplicationID: a.ID}
}

package gate

import (
	"time"

	"github.com/daypass/daypass/internal/catalog"
)

// DefaultMaxAge is how long a view may go unconfirmed where it does not say.
const DefaultMaxAge = 30 * time.Second

// View is what decisions are made on. It is immutable: to change it, swap
// another in.
type View struct {
	Catalog     *catalog.Catalog
	Revocations *Revocations
	// Networks are the lists beside those of the resource files; nil: none.
	Networks *Networks
	Plans    *Plans
	// Revision is of the last admin change the view contains.
	Revision int64
	// Confirmed is when the view was last known to be complete.
	Confirmed time.Time
	// MaxAge is how long after that it may still be used; zero: [DefaultMaxAge].
	MaxAge time.Duration
}

// Fresh reports whether the view may be decided on. Nil is never fresh.
func (v *View) Fresh(now time.Time) bool {
	return v != nil && !v.Confirmed.IsZero() && now.Sub(v.Confirmed) <= v.maxAge()
}

func (v *View) maxAge() time.Duration {
	if v.MaxAge <= 0 {
		return DefaultMaxAge
	}
	return v.MaxAge
}

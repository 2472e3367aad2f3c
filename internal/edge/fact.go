package edge

import (
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/scope"
)

// Facts takes in what is kept of a request for a while, so that it can be decided again by another file, and the scopes
// it was allowed for. It must not make the request wait.
type Facts interface {
	Record(fact access.Fact, used []scope.Pattern)
}

// witness hands over what is to be kept. What no resource file decided is not kept.
func (d *door) witness(r *gate.Request, decision *gate.Decision, now time.Time) {
	if d.facts == nil {
		return
	}
	if w, ok := decision.Witness(r, now); ok {
		d.facts.Record(w.Fact(r, now), w.Used())
	}
}

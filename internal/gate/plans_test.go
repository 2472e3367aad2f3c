package gate

import (
	"testing"

	"github.com/daypass/daypass/internal/access"
)

// TestPlans: a key's plan goes before its owner's, changes hold, and a view that
// is in use does not change.
func TestPlans(t *testing.T) {
	plan := func(id string, bytes int64) access.Plan {
		return access.Plan{ID: id, Slug: id, Limits: []access.Limit{{Body: bytes}}}
	}
	tok := token(mustScopes(t, "a"))
	held := func(p *Plans) (int64, string) {
		limits, holder := p.of(tok)
		if limits == nil {
			return 0, holder
		}
		return limits.Body, holder
	}
	var none *Plans
	member := none.With([]access.Plan{plan("gold", 1), plan("tin", 2)}, []access.PlanHolder{{ID: "mem_1", PlanID: "tin"}, {ID: "key_9", PlanID: "gold"}})
	key := member.With(nil, []access.PlanHolder{{ID: "key_1", PlanID: "gold"}})
	changed := key.With([]access.Plan{plan("gold", 3)}, nil)
	gone := changed.With(nil, []access.PlanHolder{{ID: "key_1"}, {ID: "mem_1"}})
	for i, c := range []struct {
		plans  *Plans
		bytes  int64
		holder string
	}{{none, 0, ""}, {member, 2, "mem_1"}, {key, 1, "key_1"}, {changed, 3, "key_1"}, {gone, 0, ""}} {
		if bytes, holder := held(c.plans); bytes != c.bytes || holder != c.holder {
			t.Errorf("%d: %d by %q, want %d by %q", i, bytes, holder, c.bytes, c.holder)
		}
	}
	if limits, _ := gone.of(nil); limits != nil {
		t.Error("nobody holds a plan")
	}
}

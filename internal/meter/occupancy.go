package meter

import "sync"

// How many counts of limits are kept at once. Those that are whole again are
// dropped; beyond these bounds, new parties of a limit share a count, so that a
// flood of addresses is held together instead of not at all.
//
// An organization's parties never take another's room: when all of it is taken,
// each organization has an equal part, and one that has more gives it back. Of an
// organization's room one limit takes half, so that a flood at one resource leaves
// room for the rest.
const (
	MaxParties               = 262_144 // of all organizations
	MaxPartiesOfOrganization = MaxParties / 4
	MaxPartiesOfLimit        = MaxPartiesOfOrganization / 2
)

// occupancy knows who takes up how much of the table. Its lock is the innermost.
type occupancy struct {
	mu            sync.Mutex
	total         int
	organizations map[string]int
	limits        map[[16]byte]int
	refused       bool // somebody, since this was asked last
}

// take makes room for one more count, if there is any.
func (o *occupancy) take(organization string, limit [16]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.organizations[organization]
	if n >= MaxPartiesOfOrganization || o.limits[limit] >= MaxPartiesOfLimit || o.total >= MaxParties && n >= o.part() {
		o.refused = true
		return false
	}
	o.add(organization, limit, 1)
	return true
}

// share makes room for a shared count, which there is always: there are few.
func (o *occupancy) share(organization string, limit [16]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(organization, limit, 1)
}

func (o *occupancy) give(organization string, limit [16]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(organization, limit, -1)
}

// exceeds reports whether an organization has more than its part, and another
// needs it.
func (o *occupancy) exceeds(organization string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total > MaxParties && o.organizations[organization] > o.part()
}

// part is what each organization may have when there is no room left.
func (o *occupancy) part() int { return MaxParties / max(len(o.organizations), 1) }

func (o *occupancy) add(organization string, limit [16]byte, n int) {
	o.total += n
	change(o.organizations, organization, n)
	change(o.limits, limit, n)
}

func change[K comparable](counts map[K]int, key K, n int) {
	if counts[key] += n; counts[key] == 0 {
		delete(counts, key)
	}
}

// tight reports whether anybody found no room since it was asked last, or too much
// is taken.
func (o *occupancy) tight() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	tight := o.refused || o.total > MaxParties
	o.refused = false
	return tight
}

func (o *occupancy) taken() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total
}

package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LimitBy says who shares one count of a limit.
type LimitBy string

// The parties of a limit. Without a pass, key, member and subject are the address.
const (
	PerHolder       LimitBy = ""             // a plan's own: the key or the membership that holds it; of a resource: see [Limit.AtResource]
	PerKey          LimitBy = "key"          // the key the pass was made from
	PerMember       LimitBy = "member"       // the membership of the key's owner, with all its keys
	PerSubject      LimitBy = "subject"      // whom the pass speaks for
	PerOrganization LimitBy = "organization" // everybody of the organization together
	PerAddress      LimitBy = "address"      // the client's address; of IPv6 the network of /64
	PerApplication  LimitBy = "application"  // everybody who calls the application together
)

// Limit bounds what one party may do. Zero members bound nothing.
type Limit struct {
	Per   LimitBy
	Rate  Rate  // of requests
	Burst int64 // requests at once, of a party that was idle; zero: Rate.Count
	Bytes Rate  // of bodies, of requests and answers together
	Quota Quota // of requests
	Body  int64 // bytes of one request's body
}

// Rate is so many per window.
type Rate struct {
	Count  int64
	Window time.Duration
}

// Quota is so many per UTC day, or per UTC month.
type Quota struct {
	Count   int64
	Monthly bool
}

// Bounds of what a limit may say.
const (
	MaxLimits = 8 // of one resource or plan
	maxRate   = 1_000_000_000
	maxQuota  = 1_000_000_000_000_000
	maxSize   = 1 << 50 // bytes
	maxRefill = 400 * 24 * time.Hour
)

// Cost is how much of the window n units use up, rounded up to a nanosecond;
// at most the longest duration there is.
func (r Rate) Cost(n int64) time.Duration {
	high, low := bits.Mul64(uint64(n), uint64(r.Window))
	low, carry := bits.Add64(low, uint64(r.Count)-1, 0)
	high += carry
	if high >= uint64(r.Count) {
		return math.MaxInt64
	}
	cost, _ := bits.Div64(high, low, uint64(r.Count))
	return time.Duration(min(cost, math.MaxInt64))
}

// AtOnce is how many requests an idle party may make at the same instant.
func (l *Limit) AtOnce() int64 {
	if l.Burst > 0 {
		return l.Burst
	}
	return l.Rate.Count
}

// AtResource says who shares a count where the limit does not, of a resource. A
// quota is of the member: a new key would begin a new one. Rates are of the key:
// each comes back by itself, and one busy key does not slow down the rest.
func (l Limit) AtResource() Limit {
	switch {
	case l.Per != PerHolder:
	case l.Quota.Count > 0:
		l.Per = PerMember
	default:
		l.Per = PerKey
	}
	return l
}

// LimitText is a limit as people write it, each member as it stands in a file.
// Empty members were left out.
type LimitText struct {
	Rate  string `json:"rate,omitempty"`  // "100/m": per s, m, h or d
	Burst int64  `json:"burst,omitempty"` // requests
	Per   string `json:"per,omitempty"`
	Body  string `json:"body,omitempty"`  // "10MiB"
	Bytes string `json:"bytes,omitempty"` // "1GiB/d"
	Quota string `json:"quota,omitempty"` // "10000/d" or "300000/month"
}

// LimitError says which member of a limit is wrong; empty: the whole of it.
type LimitError struct {
	Member string
	Err    error
}

func (e *LimitError) Error() string { return e.Err.Error() }

// Parse reads a limit. The error is a [*LimitError] that is safe to show.
func (t LimitText) Parse() (Limit, error) {
	l := Limit{Per: LimitBy(t.Per), Burst: t.Burst}
	var err error
	for _, member := range []struct {
		name, text string
		read       func(string) error
	}{
		{"rate", t.Rate, func(s string) error { l.Rate, err = parseRate(s); return err }},
		{"bytes", t.Bytes, func(s string) error { l.Bytes, err = parseByteRate(s); return err }},
		{"quota", t.Quota, func(s string) error { l.Quota, err = parseQuota(s); return err }},
		{"body", t.Body, func(s string) error { l.Body, err = ParseSize(s); return err }},
	} {
		if member.text == "" {
			continue
		}
		if err := member.read(member.text); err != nil {
			return Limit{}, &LimitError{member.name, err}
		}
	}
	return l, l.check()
}

func (l *Limit) check() error {
	switch l.Per {
	case PerHolder, PerKey, PerMember, PerSubject, PerOrganization, PerAddress, PerApplication:
	default:
		return &LimitError{"per", errors.New("write key, member, subject, organization, address or application here")}
	}
	switch {
	case l.Rate.Count == 0 && l.Bytes.Count == 0 && l.Quota.Count == 0 && l.Body == 0:
		return &LimitError{"", errors.New("a limit must bound something; write rate: 100/m, quota: 10000/d, bytes: 1GiB/d or body: 10MiB")}
	case l.Burst < 0:
		return &LimitError{"burst", errors.New("write how many requests may come at once, as in burst: 20")}
	case l.Burst > 0 && l.Rate.Count == 0:
		return &LimitError{"burst", errors.New("burst says how many requests of a rate may come at once; add rate: 100/m, or take it out")}
	case l.Burst > maxRate || l.Burst > 0 && l.Burst > int64(maxRefill/l.Rate.Cost(1)):
		return &LimitError{"burst", errors.New("such a burst would take longer than 400 days to come back; make it smaller")}
	}
	return nil
}

// Text writes the limit so that Parse reads the same again.
func (l *Limit) Text() LimitText {
	t := LimitText{Per: string(l.Per), Burst: l.Burst}
	if l.Rate.Count > 0 {
		t.Rate = strconv.FormatInt(l.Rate.Count, 10) + "/" + windowText(l.Rate.Window)
	}
	if l.Bytes.Count > 0 {
		t.Bytes = sizeText(l.Bytes.Count) + "/" + windowText(l.Bytes.Window)
	}
	if l.Quota.Count > 0 {
		t.Quota = strconv.FormatInt(l.Quota.Count, 10) + "/d"
		if l.Quota.Monthly {
			t.Quota = strconv.FormatInt(l.Quota.Count, 10) + "/month"
		}
	}
	if l.Body > 0 {
		t.Body = sizeText(l.Body)
	}
	return t
}

var windows = []struct {
	text   string
	window time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}}

func windowText(d time.Duration) string {
	for _, w := range windows {
		if w.window == d {
			return w.text
		}
	}
	return d.String()
}

func parseWindow(s string) (time.Duration, bool) {
	for _, w := range windows {
		if w.text == s {
			return w.window, true
		}
	}
	return 0, false
}

// parseCount reads a whole number of 1 to most.
func parseCount(s string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && 0 < n && n <= most && s[0] != '+' && s[0] != '0'
}

func parseRate(s string) (Rate, error) {
	count, unit, _ := strings.Cut(s, "/")
	n, fine := parseCount(count, maxRate)
	window, known := parseWindow(unit)
	if !fine || !known {
		return Rate{}, fmt.Errorf("write a rate as a number of requests per s, m, h or d, as in 100/m; at most %d", int64(maxRate))
	}
	return Rate{n, window}, nil
}

func parseByteRate(s string) (Rate, error) {
	size, unit, _ := strings.Cut(s, "/")
	n, err := ParseSize(size)
	window, known := parseWindow(unit)
	if err != nil || !known {
		return Rate{}, errors.New("write a size per s, m, h or d, as in 1GiB/d")
	}
	return Rate{n, window}, nil
}

func parseQuota(s string) (Quota, error) {
	count, unit, _ := strings.Cut(s, "/")
	n, fine := parseCount(count, maxQuota)
	if !fine || unit != "d" && unit != "month" {
		return Quota{}, errors.New("write a quota as a number of requests per d (UTC day) or month, as in 10000/d or 300000/month")
	}
	return Quota{n, unit == "month"}, nil
}

var (
	sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,15})(B|kB|MB|GB|KiB|MiB|GiB)?$`)
	sizeUnits   = []struct {
		text  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}
)

// ParseSize reads a size: bytes, or a number with B, kB, MB, GB (1000) or KiB,
// MiB, GiB (1024).
func ParseSize(s string) (int64, error) {
	parts := sizePattern.FindStringSubmatch(s)
	if parts != nil {
		for _, u := range sizeUnits {
			n, _ := strconv.ParseInt(parts[1], 10, 64) // at most sixteen digits
			if u.text == parts[2] && n <= maxSize/u.bytes {
				return n * u.bytes, nil
			}
		}
	}
	return 0, errors.New("write a size as a whole number with B, KiB, MiB, GiB, kB, MB or GB, as in 10MiB; at most 1048576GiB")
}

func sizeText(n int64) string {
	for _, u := range sizeUnits {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.text
		}
	}
	return ""
}

// Limits are the limits of one resource or plan, ready to be counted by. They
// are immutable; nil has none.
type Limits struct {
	List []CountedLimit
	// Body is the smallest that any of them allows, in bytes; zero: any.
	Body int64
	// Policy is the value of a RateLimit-Policy header for all of them.
	Policy string
}

// CountedLimit is a limit with the names of its counts.
type CountedLimit struct {
	Limit
	// ID tells the counts of this limit from those of any other. It depends on the
	// owner and the place in its list, not on the numbers, so that counts go on
	// when a limit is changed.
	ID [16]byte
	// Names in the RateLimit headers.
	RateName, BytesName, QuotaName string
}

// NewLimits makes the limits of an owner, named by a text that nothing else has;
// nil for none. prefix begins their names in headers.
func NewLimits(owner, prefix string, list []Limit) *Limits {
	if len(list) == 0 {
		return nil
	}
	limits := &Limits{}
	var policies []string
	for i, l := range list {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		c := CountedLimit{Limit: l, RateName: prefix + "rate" + suffix, BytesName: prefix + "bytes" + suffix, QuotaName: prefix + "quota" + suffix}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%t", owner, i, l.Quota.Monthly))
		copy(c.ID[:], sum[:])
		limits.List = append(limits.List, c)
		policies = append(policies, c.policies()...)
		if l.Body > 0 && (limits.Body == 0 || l.Body < limits.Body) {
			limits.Body = l.Body
		}
	}
	limits.Policy = strings.Join(policies, ", ")
	return limits
}

// policies are in the form of draft-ietf-httpapi-ratelimit-headers. A month has
// no length in seconds, so a monthly quota has no window.
func (c *CountedLimit) policies() []string {
	var out []string
	if r := c.Rate; r.Count > 0 {
		out = append(out, fmt.Sprintf("%q;q=%d;w=%d", c.RateName, r.Count, r.Window/time.Second))
	}
	if r := c.Bytes; r.Count > 0 {
		out = append(out, fmt.Sprintf("%q;q=%d;qu=\"content-bytes\";w=%d", c.BytesName, r.Count, r.Window/time.Second))
	}
	if q := c.Quota; q.Monthly {
		out = append(out, fmt.Sprintf("%q;q=%d", c.QuotaName, q.Count))
	} else if q.Count > 0 {
		out = append(out, fmt.Sprintf("%q;q=%d;w=86400", c.QuotaName, q.Count))
	}
	return out
}

// Plan is a named list of limits of an organization. A key or a membership holds
// one; that of the key goes before that of its owner.
type Plan struct {
	ID             string
	OrganizationID string
	Slug           string
	Name           string
	Limits         []Limit
	Created        time.Time
	Revision       int64
}

// PlanHolder is a key or a membership with the plan it holds; empty: none.
type PlanHolder struct {
	ID, PlanID string
}

package edge

import (
	"cmp"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
)

// allowance is what limits an allowed request, and whom it is counted for.
type allowance struct {
	caller    meter.Caller
	own, plan *access.Limits // of the resource, and of the caller's plan; nil: none
}

func allowanceOf(d *gate.Decision, address netip.Addr) (a allowance, limited bool) {
	a.own = d.Resource.Limits
	a.plan, a.caller.Holder = d.Plan()
	if a.own == nil && a.plan == nil {
		return a, false
	}
	a.caller.Organization, a.caller.Application, a.caller.Address = d.Application.OrganizationID, d.Application.ID, address
	if t := d.Token; t != nil {
		// Without a key its place is taken by the user, who may begin as many sessions as there are tries, or else by the source.
		a.caller.Key, a.caller.Member, a.caller.Subject = cmp.Or(t.KeyID, t.UserID, t.Via), t.MembershipID, t.Subject
	}
	return a, true
}

// body is how many bytes a request's body may have; zero: any number.
func (a *allowance) body() int64 {
	least := int64(0)
	for _, l := range [2]*access.Limits{a.own, a.plan} {
		if l != nil && l.Body > 0 && (least == 0 || l.Body < least) {
			least = l.Body
		}
	}
	return least
}

func (a *allowance) countsBytes() bool {
	for _, l := range [2]*access.Limits{a.own, a.plan} {
		if l == nil {
			continue
		}
		for i := range l.List {
			if l.List[i].Bytes.Count > 0 {
				return true
			}
		}
	}
	return false
}

// limit holds what the gate allowed to the limits of its resource and of the caller's plan: one request, or several that come
// together. A request whose body is announced to be too long is not counted.
func (d *door) limit(r *gate.Request, decision *gate.Decision, now time.Time, requests int64) {
	if !decision.Allow {
		return
	}
	a, limited := allowanceOf(decision, r.Address)
	if !limited {
		return
	}
	if most := a.body(); most > 0 && r.Length > most {
		decision.Allow, decision.Reason = false, gate.BodyTooLarge
		return
	}
	admission := d.limits.AdmitAll(now, &a.caller, a.own, a.plan, requests)
	decision.Limited = &admission
	if admission.Refused != "" {
		decision.Allow, decision.Reason = false, gate.Reason(admission.Refused)
	}
}

// tellLimits sets the RateLimit headers.
func tellLimits(h http.Header, d *gate.Decision) {
	if d.Limited == nil || d.Limited.State == "" {
		return
	}
	values := []string{d.Limited.Policy, d.Limited.State}
	h["Ratelimit-Policy"], h["Ratelimit"] = values[0:1:1], values[1:2:2]
}

// bound holds the rest of a request to its limits: how long its body may be, and how many bytes go to and fro. What goes
// beyond a limit of bytes is known afterwards; it is the next request that is refused.
func (p *passage) bound(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	a, limited := allowanceOf(&p.decision, p.request.Address)
	if !limited {
		return w
	}
	hasBody := r.Body != nil && r.Body != http.NoBody && !p.replaced
	if most := a.body(); most > 0 && hasBody {
		r.Body = http.MaxBytesReader(w, r.Body, most)
	}
	p.spend = p.gateway.spending(&a)
	switch {
	case p.spend == nil:
		return w
	case p.replaced:
		p.spend(int(p.request.Length))
	case hasBody:
		r.Body = &countedBody{r.Body, p.spend}
	}
	return &countedWriter{w, p.spend}
}

// spending returns what counts bytes under an allowance; nil where none are counted.
func (d *door) spending(a *allowance) func(bytes int) {
	if !a.countsBytes() {
		return nil
	}
	return func(bytes int) {
		if bytes > 0 {
			d.limits.Spend(d.now(), &a.caller, a.own, a.plan, int64(bytes))
		}
	}
}

// exhausted reports whether what lasts has to end because its limits of bytes are used up.
func (d *door) exhausted(decision *gate.Decision, address netip.Addr, now time.Time) bool {
	a, limited := allowanceOf(decision, address)
	return limited && a.countsBytes() && d.limits.Exhausted(now, &a.caller, a.own, a.plan)
}

type countedBody struct {
	io.ReadCloser
	spend func(int)
}

func (b *countedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.spend(n)
	return n, err
}

type countedWriter struct {
	http.ResponseWriter
	spend func(int)
}

func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write counts first, so that whatever a client has got is counted.
func (w *countedWriter) Write(b []byte) (int, error) {
	w.spend(len(b))
	return w.ResponseWriter.Write(b)
}

package gate

import (
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/scope"
)

// Witnessed is a decision with what is to be remembered of it.
type Witnessed struct {
	Decision
	// Shadow is what the application's file in shadow mode would have said. It has
	// no Application where there is none.
	Shadow Decision
	// Standing is why the pass would not do, whatever is required; empty: it is
	// good.
	Standing Reason

	operation *catalog.Operation // of GraphQL; else nil
}

// Witness finds out what is to be remembered of a decision of [Gate.CheckAt] on
// the same request and time. It reports false for what no resource file
// decided: no application, a stale view, an address list of the operator, a
// limit. Such a decision says nothing about a file.
func (d *Decision) Witness(r *Request, now time.Time) (Witnessed, bool) {
	if !d.byFile(r) || len(fieldsOf(r.GraphQL)) > maxFields {
		return Witnessed{}, false
	}
	w := Witnessed{Decision: *d, Standing: d.standing(r, now), operation: r.GraphQL}
	if shadow := d.Application.Shadow(); shadow != nil {
		w.Shadow = d.inShadow(shadow, *r, w.Standing, now)
	}
	return w, true
}

// inShadow decides by the file in shadow mode. The copies it takes cost memory,
// so that only what is tried pays for them.
func (d *Decision) inShadow(shadow *catalog.Application, r Request, standing Reason, now time.Time) Decision {
	r.then = &standing
	return Decision{view: d.view, Application: shadow}.within(&r, d.presented, d.view, now)
}

// Tried is what the application's files in shadow mode say of the request of a
// decision of [Gate.CheckAt], and reports false where nothing is in shadow mode.
func (d *Decision) Tried(r *Request, now time.Time) (Decision, bool) {
	if d.Application == nil || d.Application.Shadow() == nil {
		return Decision{}, false
	}
	tried := Decision{view: d.view, Application: d.Application.Shadow()}.within(r, d.presented, d.view, now)
	if d.unreadable && tried.Reason == TokenMissing {
		tried.Reason = TokenInvalid
	}
	return tried, true
}

// byFile reports whether the application's resource file, and the pass, are all
// that the decision hangs on.
func (d *Decision) byFile(r *Request) bool {
	switch d.Reason {
	case Allowed, Public, NoRule, TokenMissing, TokenInvalid, TokenExpired, TokenNotYetValid, TokenRevoked,
		WrongAddress, WrongOrganization, WrongAudience, ScopeMissing, RoleMissing, AddressDenied,
		FieldUnmapped, FieldRefused, IntrospectionRefused:
		// A list beside the file may have let in whom the file's own do not, or not.
		return d.Application != nil && d.Application.Admits(r.Address) == (d.Reason != AddressDenied)
	}
	return false
}

// standing is what the checks from pass to audience say, also where the decision
// was made without them.
func (d *Decision) standing(r *Request, now time.Time) Reason {
	switch d.Reason {
	case Allowed, ScopeMissing, RoleMissing:
		return ""
	case TokenMissing, TokenInvalid, TokenExpired, TokenNotYetValid, TokenRevoked, WrongAddress, WrongOrganization, WrongAudience:
		return d.Reason
	}
	if d.Token != nil {
		return "" // on a public resource, only a good pass is kept
	}
	if d.unreadable {
		return TokenInvalid
	}
	anew := Decision{view: d.view, Application: d.Application, Token: d.presented}
	reason, _ := anew.checkToken(r, now)
	return reason
}

// Used are the scopes that the request was allowed for, and so made use of.
func (w *Witnessed) Used() []scope.Pattern {
	if w.Reason != Allowed {
		return nil
	}
	if w.Resource.GraphQL == nil || w.operation == nil {
		return w.Resource.Scopes
	}
	var used []scope.Pattern
	for _, field := range w.Resource.GraphQL.Fields(w.operation) {
		used = append(used, field.Scopes...)
	}
	return used
}

// maxFields is how much is kept of the names of GraphQL fields, in bytes. Of a
// request with more nothing is kept: half of it would be another request.
const maxFields = 4096

func fieldsOf(op *catalog.Operation) string {
	if op == nil {
		return ""
	}
	return op.Names()
}

// maxHost is how much of a host is kept, in bytes: a name cannot be longer.
const maxHost = 253

// Fact is what is kept of the request. What a pass of another organization may do
// is not the application's to know.
func (w *Witnessed) Fact(r *Request, now time.Time) access.Fact {
	app := w.Application
	f := access.Fact{First: now, Last: now, Count: 1, FactKey: access.FactKey{
		OrganizationID: app.OrganizationID, ApplicationID: app.ID, Revision: app.Revision,
		Method: r.Method, Host: r.Host[:min(len(r.Host), maxHost)], Path: r.Path.String(), Fields: fieldsOf(r.GraphQL), From: r.Address.Unmap().WithZone(""),
		Standing: string(w.Standing), Reason: string(w.Reason), Rule: ruleOf(&w.Decision), Missing: w.Missing,
	}}
	if w.Shadow.Application != nil {
		f.ShadowReason, f.ShadowRule, f.ShadowMissing = string(w.Shadow.Reason), ruleOf(&w.Shadow), w.Shadow.Missing
	}
	if t := w.presented; t != nil && t.OrganizationID == app.OrganizationID {
		f.KeyID, f.Subject, f.MembershipID = t.KeyID, t.Subject, t.MembershipID
		f.Scopes, f.RoleText, f.Roles = t.ScopeText, t.RoleText, t.Authority.Roles
	}
	f.Stray = f.KeyID == "" && !w.Reason.Allows()
	return f
}

func ruleOf(d *Decision) string {
	if d.Resource == nil {
		return ""
	}
	return d.Resource.Match
}

// Replay decides a recorded request again, by another file of the application.
// What lies outside the file is as it was then: whether the pass was good, what
// it could do, and from where it came. It keeps what it read of scopes, since
// many facts speak of few passes. It is for one goroutine.
type Replay struct {
	app    *catalog.Application
	scopes map[string]scope.Set
}

// NewReplay is a replay by app, as [catalog.CompileCandidate] makes it.
func NewReplay(app *catalog.Application) *Replay {
	return &Replay{app: app, scopes: map[string]scope.Set{}}
}

// Decide decides one fact that is not blurred. The error says that it cannot be
// read.
func (p *Replay) Decide(f *access.Fact) (Decision, error) {
	path, err := catalog.ParsePath(f.Path)
	if err != nil {
		return Decision{}, err
	}
	held, known := p.scopes[f.Scopes]
	if !known {
		if held, err = scope.ParseSet(strings.Fields(f.Scopes)); err != nil {
			return Decision{}, err
		}
		p.scopes[f.Scopes] = held
	}
	standing := Reason(f.Standing)
	r := &Request{Method: f.Method, Host: f.Host, Path: path, Address: f.From, GraphQL: catalog.OperationOf(f.Fields), then: &standing}
	t := &access.Token{OrganizationID: f.OrganizationID, Authority: access.Authority{Scopes: held, Roles: f.Roles}}
	view := &View{}
	return Decision{view: view, Application: p.app}.within(r, t, view, f.Last), nil
}

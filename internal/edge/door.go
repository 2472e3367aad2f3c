package edge

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
)

// Observer counts decisions and how long they took.
type Observer interface {
	Observe(reason gate.Reason, took time.Duration)
}

// Meter counts requests per organization, application and key, and notes when a key and a membership were last used.
// What it is not told is empty.
type Meter interface {
	Used(line access.Counted, use access.LastUse)
}

// Config is what a door needs. Every field must be set, save Limits.
type Config struct {
	Gate     *gate.Gate
	Now      func() time.Time
	Observer Observer
	Meter    Meter
	Facts    Facts          // nil: nothing is kept of requests
	Limits   *meter.Limiter // that all doors share; nil: an own one
	Log      *slog.Logger
}

// BadRequest is how requests are counted that were refused before a decision.
const BadRequest gate.Reason = "bad_request"

// door is what all doors share: one way to judge, to count and to refuse.
type door struct {
	gate     *gate.Gate
	now      func() time.Time
	observer Observer
	meter    Meter
	facts    Facts
	limits   *meter.Limiter
	log      *slog.Logger

	readsGraphQL bool // from the body, and then asks again
}

func newDoor(c Config) door {
	if c.Limits == nil {
		c.Limits = meter.NewLimiter()
	}
	return door{gate: c.Gate, now: c.Now, observer: c.Observer, meter: c.Meter, facts: c.Facts, limits: c.Limits, log: c.Log}
}

var errNoClient = errors.New("edge: the request's context carries no client; the server's outermost handler must set it")

// judge asks the gate, then the limits, and counts what they said.
func (d *door) judge(r *gate.Request, bearer, userAgent string) gate.Decision {
	began := d.now()
	decision := d.gate.CheckAt(r, bearer, began)
	if d.awaitsOperation(r, &decision) {
		return decision // nothing is decided yet
	}
	d.limit(r, &decision, began, 1)
	d.conclude(r, &decision, began, userAgent)
	return decision
}

// conclude tells everybody who counts what was decided on a request.
func (d *door) conclude(r *gate.Request, decision *gate.Decision, began time.Time, userAgent string) {
	d.observer.Observe(decision.Reason, d.now().Sub(began))
	d.count(decision, access.LastUse{Time: began, Address: r.Address, UserAgent: userAgent})
	d.witness(r, decision, began)
}

// maxUserAgent is how much of a User-Agent is kept, in bytes.
const maxUserAgent = 200

// count tells the meter. A caller of another organization is not named to the one that owns the application.
func (d *door) count(decision *gate.Decision, use access.LastUse) {
	app, t := decision.Application, decision.Token
	if app == nil {
		return
	}
	line := access.Counted{OrganizationID: app.OrganizationID, ApplicationID: app.ID, Outcome: string(decision.Reason)}
	if t != nil && t.OrganizationID == app.OrganizationID {
		line.KeyID, line.MembershipID, line.Subject = t.KeyID, t.MembershipID, t.Subject
	}
	if len(use.UserAgent) > maxUserAgent {
		use.UserAgent = use.UserAgent[:maxUserAgent]
	}
	d.meter.Used(line, use)
}

// refuse answers a request on which nothing was decided. The connection is closed: what follows on it may be part of the
// same confusion.
func (d *door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if access.AsError(err).Kind == access.Internal {
		d.log.LogAttrs(r.Context(), slog.LevelError, "request not decided", slog.Any("error", err),
			slog.String("request_id", ClientFrom(r.Context()).RequestID))
	}
	d.observer.Observe(BadRequest, 0)
	w.Header().Set("Connection", "close")
	WriteProblem(w, r, err)
}

func (d *door) isPass(text string) bool {
	_, err := d.gate.Token(text)
	return err == nil
}

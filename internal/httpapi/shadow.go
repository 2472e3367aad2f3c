package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// Facts are what is kept of requests. Flush stores what still waits, so that an answer knows of the request before it.
type Facts interface {
	Flush(ctx context.Context) error
}

// triedOf tells what of an application is in shadow mode, as the gate has it.
func triedOf(app *catalog.Application) *api.ApplicationShadow {
	if app.Tried() == catalog.TriedNothing {
		return nil
	}
	tried := api.ApplicationShadow(app.Tried().String())
	return &tried
}

// getShadow gives the file in shadow mode back.
func (h *Handler) getShadow(w http.ResponseWriter, r *http.Request, c *call) error {
	app, err := h.Admin.Shadow(r.Context(), c.caller, r.PathValue("org"), r.PathValue("app"))
	if err != nil {
		return err
	}
	return sendFile(w, r, app.Shadow, app.Revision)
}

func (o operations) DropShadow(ctx context.Context, in api.DropShadowRequestObject) (api.DropShadowResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DropShadow(ctx, callerOf(ctx), in.Org, in.App, revision); err != nil {
		return nil, err
	}
	return api.DropShadow204Response{}, nil
}

// flushFacts stores what waits. Where that fails, the answer is of what is stored.
func (h *Handler) flushFacts(ctx context.Context) {
	if h.Facts == nil {
		return
	}
	if err := h.Facts.Flush(ctx); err != nil {
		h.Logger.WarnContext(ctx, "facts are looked at that are not the latest", "error", err.Error())
	}
}

func (o operations) CompareShadow(ctx context.Context, in api.CompareShadowRequestObject) (api.CompareShadowResponseObject, error) {
	filter, err := factFilter(in.Params.Since, in.Params.Limit)
	if err != nil {
		return nil, err
	}
	o.h.flushFacts(ctx)
	var all gate.Comparison
	facts, err := o.h.Admin.CompareShadow(ctx, callerOf(ctx), in.Org, in.App, filter, func(f *access.Fact) error {
		if was, shadow, tried := gate.Recorded(f); tried {
			all.Add(f, was, shadow)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return api.CompareShadow200JSONResponse(o.h.comparisonView(&all, facts)), nil
}

// replayApplication decides what is kept again, by the file in the body.
func (h *Handler) replayApplication(w http.ResponseWriter, r *http.Request, c *call) error {
	filter, err := factFilterOf(r.URL.Query())
	if err != nil {
		return err
	}
	h.flushFacts(r.Context())
	var replay replay
	facts, err := h.Admin.ReplayFacts(r.Context(), c.caller, r.PathValue("org"), r.PathValue("app"), filter,
		func(app admin.Application) error { return replay.begin(app, c.raw) }, replay.add)
	if err != nil {
		return err
	}
	body, err := json.Marshal(h.comparisonView(&replay.all, facts))
	if err != nil {
		return err
	}
	return send(w, mediaJSON, append(body, '\n'))
}

// replay compares the present file of an application with another.
type replay struct {
	revision       int64 // of the application
	present, other *gate.Replay
	all            gate.Comparison
}

func (p *replay) begin(app admin.Application, file []byte) error {
	present, err := catalog.Compile(app)
	if err != nil {
		return err
	}
	app.Document, app.Shadow = file, nil
	other, err := catalog.CompileCandidate(app)
	if err != nil {
		return err
	}
	p.revision, p.present, p.other = app.Revision, gate.NewReplay(present), gate.NewReplay(other)
	return nil
}

// add takes the answer that was given for what the present file says, where it gave it.
func (p *replay) add(f *access.Fact) error {
	was, _, _ := gate.Recorded(f)
	if f.IsBlurred() {
		p.all.Add(f, was, was)
		return nil
	}
	is, err := p.other.Decide(f)
	if err != nil {
		return err
	}
	if f.Revision != p.revision {
		now, err := p.present.Decide(f)
		if err != nil {
			return err
		}
		was = now.Verdict()
	}
	p.all.Add(f, was, is.Verdict())
	return nil
}

func factFilter(since *time.Time, limit *int) (admin.FactFilter, error) {
	f := admin.FactFilter{Since: value(since), Limit: value(limit)}
	if limit != nil && (*limit < 1 || *limit > admin.MaxFacts) {
		return f, badQuery("limit", "limit is 1 to 200000")
	}
	return f, nil
}

func factFilterOf(query url.Values) (admin.FactFilter, error) {
	var since *time.Time
	var limit *int
	if text := query.Get("since"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return admin.FactFilter{}, badQuery("since", "since is a time, as in 2026-01-05T09:30:00Z")
		}
		since = &at
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return admin.FactFilter{}, badQuery("limit", "limit is 1 to 200000")
		}
		limit = &n
	}
	return factFilter(since, limit)
}

// maxDifferences is how many groups are listed.
const maxDifferences = 200

func (h *Handler) comparisonView(all *gate.Comparison, facts admin.Facts) api.Comparison {
	differences := all.Differences()
	beyond := max(len(differences)-maxDifferences, 0)
	return api.Comparison{
		Kept: int64(h.FactsKeep / time.Second), Requests: all.Requests, NotToldApart: all.Blurred, More: facts.More, Oldest: moment(facts.Oldest),
		NewlyDenied: all.Count(gate.NewlyDenied), NewlyAllowed: all.Count(gate.NewlyAllowed), DeniedOtherwise: all.Count(gate.DeniedOtherwise),
		Differences: views(differences[:len(differences)-beyond], differenceView), MoreDifferences: beyond,
	}
}

func differenceView(d gate.Difference) api.Difference {
	return api.Difference{
		Change: api.DifferenceChange(d.Change), Was: verdictView(d.Was), Is: verdictView(d.Is), Requests: d.Requests,
		First: d.First.UTC(), Last: d.Last.UTC(), Anonymous: d.Anonymous, MoreKeys: d.MoreKeys, Samples: orEmpty(d.Samples),
		Keys: views(d.Keys, func(k gate.KeyCount) api.KeyRequests { return api.KeyRequests{Key: k.Key, Requests: k.Requests} }),
	}
}

func verdictView(v gate.Verdict) api.Verdict {
	return api.Verdict{Reason: string(v.Reason), Rule: optional(v.Rule), Missing: optional(v.Missing)}
}

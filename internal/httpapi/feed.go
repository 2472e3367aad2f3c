package httpapi

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/verify"
)

// FeedPath is where the revocations are. Its requests may wait, so they bound their time themselves.
const FeedPath = "/v1/feed"

// Feed is what this node knows of revocations.
type Feed interface {
	// Page signs the revocations above a revision, as many as one answer may hold. It fails when the node is not sure of them.
	Page(after int64) (FeedPage, error)
	// News reports whether there are any above a revision; changed is closed when there are more, or the server shuts down.
	News(after int64) (news bool, changed <-chan struct{})
}

// FeedPage is one page of the feed.
type FeedPage struct {
	Text     string // the JWS; see [verify.Feed]
	Revision int64  // where to go on
	Complete bool   // there is no more now
}

const (
	maxFeedWait   = 25 * time.Second
	feedHeartbeat = 15 * time.Second
	feedWriteTime = 30 * time.Second // to take one page
)

// reading is one reader of the feed.
type reading struct {
	h     *Handler
	call  *call
	after int64
}

// feed answers with one page, at once or when there is something to tell, or with a stream of pages.
func (h *Handler) feed(w http.ResponseWriter, r *http.Request, c *call) error {
	if h.Feed == nil {
		return access.New(access.Unavailable, "feed_unavailable", "this server does not publish its revocations; use introspection or forward-auth")
	}
	rd := &reading{h: h, call: c}
	stream := wantsEvents(r)
	wait, err := rd.question(r, stream)
	if err != nil {
		return err
	}
	if err := h.Admin.MayReadFeed(r.Context(), c.caller); err != nil {
		return err
	}
	if rd.provedOnce() {
		wait = 0
	}
	// Reading ended with the request; its deadline would end the wait too.
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("lift the read deadline: %w", err)
	}
	if stream {
		return rd.stream(w, r, control)
	}
	if rd.wait(r.Context(), wait) {
		if err := rd.admitted(r.Context()); err != nil {
			return err
		}
	}
	page, err := h.Feed.Page(rd.after)
	if err != nil {
		return err
	}
	if err := control.SetWriteDeadline(time.Now().Add(feedWriteTime)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	return send(w, "application/jose", []byte(page.Text))
}

// wantsEvents reports whether the client asked for server-sent events.
func wantsEvents(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		if media, _, err := mime.ParseMediaType(part); err == nil && media == mediaEvents {
			return true
		}
	}
	return false
}

const mediaEvents = "text/event-stream"

// question reads what was asked for. A stream that was cut off goes on after its last event.
func (rd *reading) question(r *http.Request, stream bool) (wait time.Duration, err error) {
	query := r.URL.Query()
	after, seconds := query.Get("after"), query.Get("wait")
	if last := r.Header.Get("Last-Event-Id"); stream && last != "" {
		after = last
	}
	if rd.after, err = whole(after, verify.MaxRevision); err != nil {
		return 0, badQuery("after", "the parameter after is a revision: a whole number, not negative")
	}
	n, err := whole(seconds, int64(maxFeedWait/time.Second))
	if err != nil {
		return 0, badQuery("wait", "the parameter wait is a whole number of seconds from 0 to 25")
	}
	return time.Duration(n) * time.Second, nil
}

func whole(text string, most int64) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < 0 || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}

// provedOnce reports whether the reader's proof was good for this request alone. It cannot be proved again after a wait, so
// there is none: the reader signs its next question.
func (rd *reading) provedOnce() bool {
	_, once := rd.call.proof.(exchange.MessageSignature)
	return once
}

// admitted proves the reader's credential again: what is told after a wait is not for one whose credential ended meanwhile.
func (rd *reading) admitted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedWriteTime)
	defer cancel()
	caller, err := rd.h.Exchange.Authenticate(ctx, rd.call.proof, rd.call.client)
	if err != nil {
		return err
	}
	return rd.h.Admin.MayReadFeed(ctx, caller)
}

// wait returns when there is news, after d at most, and reports whether it waited. Who has nothing yet is not kept waiting.
func (rd *reading) wait(ctx context.Context, d time.Duration) bool {
	news, changed := rd.h.Feed.News(rd.after)
	if news || d == 0 || rd.after == 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// stream sends pages as events (HTML, section 9.2) until the client leaves, its credential ends, or this node is not sure of itself. Each
// heartbeat brings a page too, for a reader must know from something signed that there is nothing new.
func (rd *reading) stream(w http.ResponseWriter, r *http.Request, control *http.ResponseController) error {
	page, err := rd.h.Feed.Page(rd.after)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaEvents)
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	for {
		if sendEvent(w, control, page) != nil {
			return nil // the client left, and there is nobody to tell
		}
		rd.after = page.Revision
		if rd.provedOnce() {
			return nil
		}
		if page.Complete {
			rd.wait(r.Context(), feedHeartbeat)
		}
		// The answer has begun: what goes wrong ends it, and the reader's next request gets the reason.
		if r.Context().Err() != nil || rd.admitted(r.Context()) != nil {
			return nil
		}
		if page, err = rd.h.Feed.Page(rd.after); err != nil {
			return nil
		}
	}
}

func sendEvent(w http.ResponseWriter, control *http.ResponseController, page FeedPage) error {
	if err := control.SetWriteDeadline(time.Now().Add(feedWriteTime)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", page.Revision, page.Text); err != nil {
		return err
	}
	return control.Flush()
}

package edge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
)

// rule puts one resource in place of the world's own, with the given limit.
func (w *world) rule(t *testing.T, limit string, plans *gate.Plans) {
	t.Helper()
	old := w.gate.View()
	app, err := catalog.Compile(access.Application{
		ID: "app_photos", OrganizationID: "org_acme", Organization: "acme", Slug: "photos", Active: true,
		Document: fmt.Appendf(nil, "upstream: %s\nresources:\n  - match: ANY /**\n    access: public\n%s",
			old.Catalog.Named("acme/photos").Document.Upstream, limit),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.gate.Swap(&gate.View{Catalog: new(catalog.Catalog).With(app), Revocations: old.Revocations, Plans: plans, Confirmed: w.Now(), MaxAge: 24 * time.Hour})
}

func plan(t *testing.T, holder string, text access.LimitText) *gate.Plans {
	t.Helper()
	limit, err := text.Parse()
	if err != nil {
		t.Fatal(err)
	}
	var none *gate.Plans
	return none.With([]access.Plan{{ID: "pln_1", Slug: "gold", Limits: []access.Limit{limit}}}, []access.PlanHolder{{ID: holder, PlanID: "pln_1"}})
}

// TestExactlyTheLimitPasses: of many calls at once, through both doors together.
func TestExactlyTheLimitPasses(t *testing.T) {
	w := newWorld(t, nil)
	w.rule(t, "    limit: { rate: 40/h }\n", nil)
	var passed, refused atomic.Int64
	var group sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	for worker := range 16 {
		group.Go(func() {
			for range 10 {
				request, _ := http.NewRequest("GET", "http://"+w.Gateway+"/a", nil)
				if worker%2 == 0 {
					request.URL.Host, request.URL.Path = w.Forward, "/"
					request.Header.Set("X-Forwarded-Method", "GET")
					request.Header.Set("X-Forwarded-Uri", "/a")
				}
				request.Host = "photos.example.com"
				request.Header.Set("Authorization", "Bearer pass.a")
				res, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				switch res.StatusCode {
				case http.StatusOK, http.StatusNoContent:
					passed.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	if passed.Load() != 40 || refused.Load() != 120 {
		t.Errorf("%d passed, %d were refused", passed.Load(), refused.Load())
	}
	if got := len(w.seen.take()); got > 40 {
		t.Errorf("the upstream got %d", got)
	}
	if w.counts[gate.RateLimited] != 120 {
		t.Errorf("%d counted", w.counts[gate.RateLimited])
	}
}

// TestLimitAnswers: what is said, to whom, and for how long.
func TestLimitAnswers(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-Upstream", "yes")
		io.WriteString(rw, "fine")
	}))
	w.rule(t, "    limit: [{ rate: 2/m }, { quota: 5/d, per: organization }]\n", nil)
	type answer struct {
		status              int
		state, after, extra string
	}
	ask := func(door, pass string) answer {
		raw := head("GET", "/a", "Authorization: Bearer "+pass)
		if pass == "" {
			raw = head("GET", "/a")
		}
		addr := w.Gateway
		if door == "forward" {
			addr, raw = w.Forward, strings.Replace(raw, "GET /a", "GET /", 1)
			raw = strings.Replace(raw, "\r\n\r\n", "\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /a\r\n\r\n", 1)
		}
		res, body, _ := exchange(t, addr, raw)
		if policy := res.Header.Get("RateLimit-Policy"); policy != `"rate";q=2;w=60, "quota-2";q=5;w=86400` {
			t.Errorf("policy %s", policy)
		}
		code := ""
		if _, rest, ok := strings.Cut(body, `"code":"`); ok {
			code, _, _ = strings.Cut(rest, `"`)
		}
		return answer{res.StatusCode, res.Header.Get("RateLimit"), res.Header.Get("Retry-After"), code}
	}
	for i, c := range []struct {
		door, pass string
		want       answer
	}{
		{"gateway", "pass.a", answer{200, `"rate";r=1;t=30, "quota-2";r=4;t=43200`, "", ""}},
		{"forward", "pass.a", answer{204, `"rate";r=0;t=60, "quota-2";r=3;t=43200`, "", ""}},
		{"gateway", "pass.a", answer{429, `"rate";r=0;t=60, "quota-2";r=3;t=43200`, "30", "rate_limited"}},
		{"forward", "pass.a", answer{429, `"rate";r=0;t=60, "quota-2";r=3;t=43200`, "30", "rate_limited"}},
		{"gateway", "pass.b", answer{200, `"rate";r=1;t=30, "quota-2";r=2;t=43200`, "", ""}},
		{"gateway", "", answer{200, `"rate";r=1;t=30, "quota-2";r=1;t=43200`, "", ""}}, // by address
		{"forward", "", answer{204, `"rate";r=0;t=60, "quota-2";r=0;t=43200`, "", ""}},
		{"gateway", "pass.b", answer{429, `"rate";r=1;t=30, "quota-2";r=0;t=43200`, "43200", "quota_exceeded"}},
	} {
		if got := ask(c.door, c.pass); got != c.want {
			t.Errorf("request %d: %+v, want %+v", i, got, c.want)
		}
	}
	w.setNow(noon.Add(12 * time.Hour))
	if got := ask("gateway", "pass.b"); got.status != 200 {
		t.Errorf("the next day: %+v", got)
	}
}

// TestPlanLimits: the plan of a key holds its passes and nobody else's, and from the next request on.
func TestPlanLimits(t *testing.T) {
	w := newWorld(t, nil)
	status := func(pass string) int {
		res, _, _ := exchange(t, w.Gateway, head("GET", "/a", "Authorization: Bearer "+pass))
		return res.StatusCode
	}
	w.rule(t, "", plan(t, "key_a", access.LimitText{Rate: "1/h"}))
	if got := fmt.Sprint(status("pass.a"), status("pass.a"), status("pass.b"), status("pass.b")); got != "200 429 200 200" {
		t.Error(got)
	}
	w.rule(t, "", plan(t, "key_a", access.LimitText{Rate: "3/h"}))
	if got := fmt.Sprint(status("pass.a"), status("pass.a"), status("pass.a")); got != "200 200 429" {
		t.Errorf("what was used of a plan counts on when it is changed: %s", got)
	}
	w.rule(t, "", nil)
	if got := status("pass.a"); got != 200 {
		t.Errorf("without a plan: %d", got)
	}
}

func TestBodyLimit(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, n)
	}))
	w.rule(t, "    limit: { body: 1KiB }\n", nil)
	for _, c := range []struct {
		name   string
		body   io.Reader
		status int
		text   string
	}{
		{"at the limit", bytes.NewReader(make([]byte, 1024)), 200, "1024"},
		{"announced to be longer", bytes.NewReader(make([]byte, 1025)), 413, "at most 1024 bytes"},
		{"longer, in chunks", io.MultiReader(bytes.NewReader(make([]byte, 1025))), 413, "at most 1024 bytes"},
		{"without", nil, 200, "0"},
	} {
		res, err := http.Post("http://"+w.Gateway+"/a", "application/octet-stream", c.body)
		if err != nil {
			t.Fatal(c.name, err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status || !strings.Contains(string(body), c.text) {
			t.Errorf("%s: %d %s", c.name, res.StatusCode, body)
		}
		if c.name == "announced to be longer" && w.counts[gate.BodyTooLarge] != 1 {
			t.Error("it is not counted as a decision")
		}
	}
}

// TestByteLimit: what goes to and fro is counted, and refuses the next request.
func TestByteLimit(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Write(body)
	}))
	w.rule(t, "    limit: { bytes: 2000B/h }\n", nil)
	post := func(n int) (int, string) {
		t.Helper()
		res, err := http.Post("http://"+w.Gateway+"/a", "text/plain", strings.NewReader(strings.Repeat("x", n)))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got, _ := io.ReadAll(res.Body)
		if res.StatusCode == 200 && len(got) != n {
			t.Errorf("%d of %d bytes came back", len(got), n)
		}
		left, _, _ := strings.Cut(res.Header.Get("RateLimit"), ";t=")
		return res.StatusCode, left
	}
	for i, want := range []struct {
		status int
		left   string
	}{{200, `"bytes";r=2000`}, {200, `"bytes";r=1000`}, {429, `"bytes";r=0`}} {
		if status, left := post(500 + 100*i); status != want.status || left != want.left {
			t.Errorf("request %d: %d, %s", i, status, left)
		}
	}
}

// TestNoLimitAllocatesNothing: what is not limited pays nothing for it.
func TestNoLimitAllocatesNothing(t *testing.T) {
	w := newWorld(t, nil)
	door := edge.NewForwardAuth(edge.Config{Gate: w.gate, Now: w.Now, Observer: discard{}, Meter: discard{}})
	r, _ := http.NewRequest("GET", "/v1/forward-auth", nil)
	r = r.WithContext(edge.WithClient(r.Context(), edge.Client{Address: netip.MustParseAddr("192.0.2.7"), TrustedPeer: true}))
	r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/public"}, "X-Forwarded-Host": {"photos.example.com"}}
	without := testing.AllocsPerRun(100, func() { door.ServeHTTP(&nowhere{header: http.Header{}}, r) })
	w.rule(t, "", plan(t, "key_other", access.LimitText{Rate: "1/h"}))
	if with := testing.AllocsPerRun(100, func() { door.ServeHTTP(&nowhere{header: http.Header{}}, r) }); with > without {
		t.Errorf("%v allocations, %v where there are no plans", with, without)
	}
}

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

package server

import (
	"math"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/token"
)

// metrics are what the ops listener shows. No label ever holds an id, a name or
// an address: only outcomes, reasons, origins and codes, which are few.
type metrics struct {
	registry  *prometheus.Registry
	decisions map[gate.Reason]prometheus.Counter
	duration  prometheus.Histogram
	issued    *prometheus.CounterVec
	refused   *prometheus.CounterVec
	batchErrs prometheus.Counter
	shadowed  map[gate.Change]prometheus.Counter
}

func newMetrics(version string, view func() *gate.View, parties func() int, now func() time.Time) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "daypass_decision_duration_seconds", Help: "Time to decide one request, upstream excluded.",
			Buckets: []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1},
		}),
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daypass_tokens_issued_total", Help: "Passes issued, by origin: key, challenge, login, issuer, renewed, narrowed, exchanged.",
		}, []string{"origin"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daypass_exchanges_refused_total", Help: "Exchanges refused, by stable error code.",
		}, []string{"code"}),
		batchErrs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "daypass_batch_failures_total", Help: "Batches of counters and records that could not be written and were kept for later.",
		}),
		decisions: make(map[gate.Reason]prometheus.Counter),
		shadowed:  make(map[gate.Change]prometheus.Counter),
	}
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "daypass_decisions_total", Help: "Requests decided, by outcome (allow, deny) and reason.",
	}, []string{"outcome", "reason"})
	for _, reason := range append(gate.Reasons(), edge.BadRequest) {
		m.decisions[reason] = decisions.WithLabelValues(outcome(reason), string(reason))
	}
	shadowed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "daypass_shadow_total", Help: "Requests also decided by a file or rule in shadow mode, by outcome: same, newly_denied, newly_allowed, denied_otherwise.",
	}, []string{"outcome"})
	for _, change := range gate.Changes() {
		m.shadowed[change] = shadowed.WithLabelValues(string(change))
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "daypass_build_info", Help: "Always 1; the version is a label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		decisions, m.duration, m.issued, m.refused, m.batchErrs, shadowed, build,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "daypass_view_age_seconds", Help: "Age of the view that decisions are made on."},
			func() float64 { return now().Sub(view().Confirmed).Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "daypass_view_revision", Help: "Revision of the last admin change this node has applied."},
			func() float64 { return float64(view().Revision) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "daypass_revocations", Help: "Live entries of the revocation table."},
			func() float64 { return float64(view().Revocations.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "daypass_limit_counts", Help: "Counts of limits that are kept now; new parties share one beyond 262144."},
			func() float64 { return float64(parties()) }),
	)
	return m
}

func outcome(r gate.Reason) string {
	if r == gate.Allowed || r == gate.Public {
		return "allow"
	}
	return "deny"
}

// Observe counts one decision of a door.
func (m *metrics) Observe(r gate.Reason, d time.Duration) {
	if c, ok := m.decisions[r]; ok {
		c.Inc()
	}
	m.duration.Observe(d.Seconds())
}

// countDropped shows how many requests the facts had no room for.
func (m *metrics) countDropped(dropped func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "daypass_facts_dropped_total", Help: "Requests of which nothing was kept for shadow mode and replay, for want of room.",
	}, func() float64 { return float64(dropped()) }))
}

// watchKeys shows how old the key is that signs.
func (m *metrics) watchKeys(keys *token.Keyset, now func() time.Time) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "daypass_signing_key_age_seconds", Help: "Time since the key that signs now was made.",
	}, func() float64 {
		k, err := keys.Signer()
		if err != nil {
			return math.NaN()
		}
		return now().Sub(k.Created).Seconds()
	}))
}

// exchanged counts one exchange.
func (m *metrics) exchanged(origin access.Origin, err error) {
	if err != nil {
		m.refused.WithLabelValues(access.AsError(err).Code).Inc()
		return
	}
	m.issued.WithLabelValues(string(origin)).Inc()
}

// opsHandler serves metrics and profiles. A request that a web page caused is
// refused (it carries Origin, or asks a loopback address by a name that was bound
// to it): the listener has no other credential than being reachable.
func opsHandler(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || isRebound(r) {
			http.Error(w, "not from a web page", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isRebound reports whether a loopback listener is asked by a name other than
// localhost: what a page does whose name was made to point here.
func isRebound(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil && host != "localhost"
}

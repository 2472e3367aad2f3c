package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/notify"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
)

// Options are what a program embedding the server decides, not its operator.
type Options struct {
	Version string           // shown by metrics
	Log     io.Writer        // default os.Stderr
	Now     func() time.Time // default time.Now
	Init    InitOptions      // of the store that development mode makes
	Hashes  []string         // command of a process that calls seal.ServeHashes for the passwords; default none
}

// Addresses are where a server listens; empty for a listener that is off.
type Addresses struct {
	Listen  string `json:"listen"`
	Gateway string `json:"gateway"`
	// ExtAuthz is where Envoy asks by gRPC.
	ExtAuthz string `json:"extauthz"`
	Ops      string `json:"ops"`
}

// Server is a running Daypass.
type Server struct {
	config  Config
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	sealer  *seal.Sealer
	hasher  *seal.Hasher
	keys    *token.Keyset
	keyring *keyring
	gate    *gate.Gate
	feed    *follower
	signed  *feed
	journal *meter.Recorder
	once    *meter.Once
	facts   *meter.Facts
	metrics *metrics
	gateway *edge.Gateway
	office  *admin.Service
	post    *notify.Post // nil: no mail is set up
	guessed time.Time    // until when guesses of other servers are known
	cert    *certificate
	issuers *outside.Directory

	listeners []*listener
	extAuthz  *extAuthzListener // nil: off
	addresses Addresses
	made      Created // by development mode
	endLogins func()  // over WebSocket, which no listener waits for
	draining  atomic.Bool
}

type listener struct {
	name   string
	net    net.Listener
	server *http.Server
}

// New opens the store, wires the rooms and binds every listener, but answers
// nothing before [Server.Run]. Close what it returns by running it.
func New(ctx context.Context, c Config, o Options) (*Server, error) {
	if problems := c.validate(); len(problems) > 0 {
		return nil, &ConfigError{problems}
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := removeReadyFile(c.ReadyFile); err != nil {
		return nil, err
	}
	s := &Server{config: c, log: newLogger(o.Log, c.LogLevel, c.LogFormat), now: o.Now}
	if c.environmentIgnored {
		s.log.Warn("JWT_AUTH_KEYS is set and ignored: it is for a server without a database, and this one has one")
	}
	if c.Environment != nil {
		return s, s.buildStateless(o.Version)
	}
	if err := s.openStore(ctx, o); err != nil {
		return nil, errors.Join(err, s.closeStore())
	}
	if err := s.build(ctx, o); err != nil {
		return nil, errors.Join(err, s.closeStore())
	}
	return s, nil
}

func (s *Server) closeStore() error {
	if s.store == nil {
		return nil
	}
	if s.hasher != nil {
		s.hasher.Close()
	}
	return s.store.Close()
}

func (s *Server) openStore(ctx context.Context, o Options) (err error) {
	if s.config.Dev {
		return s.openDev(ctx, o)
	}
	if _, err := os.Stat(s.config.databasePath()); s.config.DatabaseURL == "" && errors.Is(err, os.ErrNotExist) {
		return access.New(access.Conflict, "not_initialized", fmt.Sprintf("there is no Daypass store in %s; 'daypass init --data %s' makes one", s.config.Data, s.config.Data))
	}
	if s.sealer, err = s.config.loadSealer(); err != nil {
		return err
	}
	if s.store, err = s.config.open(ctx, s.log); err != nil {
		return err
	}
	return checkMasterKey(ctx, s.store, s.sealer)
}

// openDev makes everything anew, in memory.
func (s *Server) openDev(ctx context.Context, o Options) (err error) {
	s.log.Warn("DEVELOPMENT MODE: keys and data are in memory and gone at exit, any web origin may call, nothing here is safe. Never use it for real.")
	s.sealer = seal.NewSealer(seal.NewMasterKey())
	if s.store, err = s.config.open(ctx, nil); err != nil {
		return err
	}
	s.made, err = found(ctx, s.store, s.sealer, s.config, o.Init.withDefaults(), s.now)
	return err
}

// Made is the first organization, user and key that development mode made.
func (s *Server) Made() Created { return s.made }

// Addresses tells where the server listens, with the ports that were picked.
func (s *Server) Addresses() Addresses { return s.addresses }

func (s *Server) build(ctx context.Context, o Options) error {
	c := &s.config
	issuer := c.PublicURL
	if issuer == "" {
		var err error
		if issuer, err = s.store.Setting(ctx, settingIssuer); err != nil {
			return err
		}
	}
	var err error
	if s.keyring, err = openKeyring(ctx, s.store, s.sealer, issuer, s.now); err != nil {
		return err
	}
	s.keys = s.keyring.set
	s.issuers = outside.New(outside.Config{Own: issuer, Networks: c.issuerNetworks, Now: s.now, Log: s.log, Agent: "daypass/" + o.Version})
	s.gate = gate.New(gate.Config{Read: s.keys.Token, Outside: outsiders(s.issuers), Now: s.now, CacheEntries: c.CachedTokens})
	s.keyring.forget = s.gate.Forget
	s.signed = newFeed(issuer, s.keys.Sign, s.gate.View, s.now)
	s.feed = &follower{store: s.store, gate: s.gate, issuers: s.issuers, feed: s.signed, now: s.now, log: s.log, maxAge: c.StaleAfter, keys: s.keyring.follow}
	if err := s.feed.pull(ctx); err != nil {
		return err
	}
	s.journal = meter.New(s.store)
	used, err := s.store.Quotas(ctx, s.now(), meter.MaxParties)
	if err != nil {
		return err
	}
	s.journal.Limits.Restore(used)
	s.metrics = newMetrics(o.Version, s.gate.View, s.journal.Limits.Parties, s.now)
	s.facts = meter.NewFacts(s.store, c.FactsKeep > 0)
	s.metrics.countDropped(s.facts.Dropped)
	s.metrics.watchKeys(s.keys, s.now)

	if c.DatabaseURL != "" { // others may share it
		s.once = meter.NewOnce(s.store, s.now)
	} else {
		s.once = meter.NewLoneOnce(ctx, s.store, s.now)
	}

	s.hasher = seal.NewHasher(s.sealer, o.Hashes...)
	passwords, err := s.passwords(s.hasher, issuer)
	if err != nil {
		return err
	}
	if err := s.learnGuesses(ctx); err != nil {
		return err
	}
	office := admin.New(admin.Config{
		Store: s.store, Sealer: s.sealer, Now: s.now, Committed: s.feed.committed,
		KeysPerUser: c.KeysPerUser, MaxTokenLife: c.MaxTokenLife, MaxAddresses: c.MaxIPAddresses, Logger: s.log,
		Used: s.facts.Used, MaxIdentities: c.MaxIdentities, Passwords: passwords, Keyring: s.keyring, KeyLead: keyLead,
	})
	s.office = office
	desk := exchange.New(exchange.Config{
		Holders: s.store, Tokens: tokens{s.keys, s.gate}, Scene: s.feed, Journal: s.journal, Observe: s.metrics.exchanged,
		Signers: signers{s.store, s.sealer}, MessageLife: c.SignedMessageLife,
		Guesses: s.journal.Guesses, Attempted: s.journal.Guesses.Attempted, Logins: s.logins(s.hasher),
		Once: s.once, Outside: s.issuers, KeyHash: s.sealer.KeyHash, NewID: seal.NewID, Now: s.now, Issuer: issuer,
		DefaultLife: c.TokenLife, MaxLife: c.MaxTokenLife, MaxNetworks: c.MaxIPs, MaxAddresses: c.MaxIPAddresses,
		CachedKeys: c.CachedKeys, Strict: c.AuditMode == "strict",
		Passkeys:   exchange.NewPasskeys(issuer, s.store, s.sealer),
		Identities: identities{office, s.store}, MAC: s.sealer.MAC, IdentityLogins: c.IdentityLogins,
	})
	senders := &edge.Senders{Once: s.once, Now: s.now}
	if c.DPoPNonce == nonceRequired {
		senders.Nonces = edge.NewNonces(s.sealer.MAC, s.now)
	}
	door := edge.Config{Senders: senders, Signatures: desk, Gate: s.gate, Now: s.now, Observer: s.metrics, Meter: s.journal, Facts: witness{s.facts, s.metrics}, Limits: s.journal.Limits, Log: s.log}
	s.gateway = edge.NewGateway(door)
	s.gateway.Confine(c.upstreamNetworks)
	s.feed.swapped = s.gateway.Recheck
	var origins []string
	if c.Dev {
		origins = []string{"*"}
	}
	api := httpapi.New(httpapi.Config{
		Admin: office, Exchange: desk, Gate: s.gate, JWKS: s.keys.JWKS, Open: s.keys.Open, Feed: s.signed, ForwardAuth: edge.NewForwardAuth(door),
		Ready: s.ready, Started: s.feed.started.Load, Now: s.now, Logger: s.log, Origins: origins, MaxBody: c.MaxBody,
		Facts: s.facts, FactsKeep: c.FactsKeep, Doors: c.Doors, Senders: senders, PublicURL: issuer, Issuers: s.issuers,
		Sealer: s.sealer, Version: o.Version, Gateway: func() string { return s.gatewayURL(issuer) },
	})
	s.endLogins = api.Close
	return s.bind(api, edge.NewExtAuthz(door, c.trustedNetworks))
}

// tokens mints with the keyset and reads through the gate's cache.
type tokens struct {
	minter
	gate *gate.Gate
}

type minter interface {
	Mint(t *access.Token) (text string, payload []byte, err error)
}

func (t tokens) Token(text string) (*access.Token, error) { return t.gate.Token(text) }

// ready tells why the server cannot decide now.
func (s *Server) ready(context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	if _, err := s.feed.Revision(s.now()); err != nil {
		return err
	}
	if !s.feed.lastOK.Load() {
		return access.New(access.Unavailable, "store_unavailable", "the database does not answer; passes are still checked for a while")
	}
	return nil
}

// bind opens every listener, so that a port in use is known before anything is
// answered.
func (s *Server) bind(api http.Handler, extAuthz *edge.ExtAuthz) (err error) {
	c := &s.config
	if c.TLSCert != "" {
		if s.cert, err = loadCertificate(c.TLSCert, c.TLSKey); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			for _, l := range s.listeners {
				_ = l.net.Close()
			}
			s.extAuthz.close()
		}
	}()
	if s.addresses.Listen, err = s.add("listen", c.Listen, s.deadline(api), true); err != nil {
		return err
	}
	if s.addresses.Gateway, err = s.add("gateway", c.Gateway, s.gateway, true); err != nil {
		return err
	}
	if s.addresses.Ops, err = s.add("ops", c.Ops, opsHandler(s.metrics), false); err != nil {
		return err
	}
	if s.addresses.ExtAuthz, err = s.addExtAuthz(extAuthz); err != nil {
		return err
	}
	var own []netip.AddrPort
	for _, at := range []string{s.addresses.Listen, s.addresses.Gateway, s.addresses.ExtAuthz, s.addresses.Ops} {
		if address, err := netip.ParseAddrPort(at); err == nil {
			own = append(own, address)
		}
	}
	s.gateway.Avoid(own...)
	return nil
}

// gatewayURL is where a program on this machine asks the gateway. One that listens at
// every address is asked by the name of the server itself.
func (s *Server) gatewayURL(issuer string) string {
	host, port, err := net.SplitHostPort(s.addresses.Gateway)
	if err != nil {
		return ""
	}
	if address, err := netip.ParseAddr(host); err == nil && address.IsUnspecified() {
		own, err := url.Parse(issuer)
		if err != nil {
			return ""
		}
		host = own.Hostname()
	}
	scheme := "http"
	if s.cert != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// deadline bounds the work of one API request.
func (s *Server) deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The one decides in microseconds and waits for nothing; the other waits, and bounds that itself.
		if r.URL.Path == forwardAuthPath || r.URL.Path == httpapi.FeedPath {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.config.RequestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

const forwardAuthPath = "/v1/forward-auth"

// add binds one listener. The doors speak strict HTTP/1.1 and, over TLS, h2.
func (s *Server) add(name, address string, h http.Handler, public bool) (string, error) {
	if address == "off" {
		return "", nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", listenError(name, address, err)
	}
	bound := l.Addr().String()
	if s.config.LogRequests && public {
		h = logRequests(s.log, name, h)
	}
	c := &s.config
	server := &http.Server{
		Handler: newFront(c.trustedNetworks, h),
		// Else net/http answers OPTIONS * by itself, past every check.
		DisableGeneralOptionsHandler: true,

		ReadHeaderTimeout: c.HeaderTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeader,
		ConnContext:       connContext,
		ErrorLog:          log.New(errorLog(s.log), "", 0),
	}
	if name == "listen" {
		server.ReadTimeout, server.WriteTimeout = c.RequestTimeout, c.RequestTimeout+5*time.Second
	}
	if public {
		server.ConnState = edge.TrackHijack
		l = s.strict(l)
	}
	s.listeners = append(s.listeners, &listener{name: name, net: l, server: server})
	return bound, nil
}

func (s *Server) strict(l net.Listener) net.Listener {
	if s.cert == nil {
		return edge.StrictListener(l, nil)
	}
	return edge.StrictListener(l, s.cert.config())
}

func listenError(name, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return access.New(access.Conflict, "port_in_use", fmt.Sprintf("%s is in use by another program; choose another with --%s host:port", address, name)).Because(err)
	}
	return fmt.Errorf("--%s %s: %w", name, address, err)
}

// Run answers until ctx ends, then lets open requests finish for DrainTimeout,
// writes what is still to be recorded, and closes the store.
func (s *Server) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	jobs := []func(context.Context){s.feed.run, s.gateway.Run, s.flush, s.keepFacts, s.pruneFacts, s.sweep, s.tidy, s.forgetUsed, s.rotateKeys, s.reloadOnHangup, s.office.RunResets, s.runPost, s.followGuesses, s.closeIssuers}
	if s.config.Environment != nil {
		jobs = []func(context.Context){s.gateway.Run, s.sweep, s.reloadOnHangup}
	}
	for _, job := range jobs {
		background.Go(func() { job(work) })
	}
	failed := make(chan error, len(s.listeners)+1)
	for _, l := range s.listeners {
		go func() {
			if err := l.server.Serve(l.net); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("%s: %w", l.name, err)
			}
		}()
	}
	if s.extAuthz != nil {
		go func() {
			if err := s.extAuthz.serve(); err != nil {
				failed <- fmt.Errorf("extauthz: %w", err)
			}
		}()
	}
	err := s.announce()
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	s.drain()
	stop()
	background.Wait()
	return errors.Join(err, s.closeStore())
}

// announce says that the server answers, in the log and in the ready file.
func (s *Server) announce() error {
	s.log.Info("daypass answers", "listen", s.addresses.Listen, "gateway", s.addresses.Gateway, "extauthz", s.addresses.ExtAuthz, "ops", s.addresses.Ops, "revision", s.gate.View().Revision)
	if s.config.ReadyFile == "" {
		return nil
	}
	text, err := json.Marshal(s.addresses)
	if err != nil {
		return err
	}
	// Written beside and renamed, so that a reader never sees half of it.
	part := filepath.Join(filepath.Dir(s.config.ReadyFile), "."+filepath.Base(s.config.ReadyFile)+".part")
	if err := os.WriteFile(part, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	return os.Rename(part, s.config.ReadyFile)
}

// removeReadyFile takes away what an earlier run left: who waits for the file
// must not read the ports of then.
func removeReadyFile(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}

func (s *Server) drain() {
	s.draining.Store(true)
	if err := removeReadyFile(s.config.ReadyFile); err != nil {
		s.log.Warn("the ready file stays", "error", err)
	}
	if s.signed != nil {
		s.signed.close()
	}
	if s.endLogins != nil {
		s.endLogins()
	}
	s.log.Info("shutting down", "drain_timeout", s.config.DrainTimeout.String())
	within, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	var closing sync.WaitGroup
	for _, l := range s.listeners {
		closing.Go(func() {
			if err := l.server.Shutdown(within); err != nil {
				_ = l.server.Close()
			}
		})
	}
	closing.Go(func() { s.extAuthz.shutdown(within) })
	closing.Wait()
}

func (s *Server) flush(ctx context.Context) {

	s.journal.Run(ctx, time.Second, func(err error) {
		s.metrics.batchErrs.Inc()
		s.log.Error("counters and records could not be written; they are kept for later", "error", err)
	})
}

// sweep drops counts of limits that are whole again, a part every second.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.journal.Limits.Sweep(s.now())
		}
	}
}

// tidy drops what no living pass can need any more, once an hour.
func (s *Server) tidy(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.now()
		revocations := s.feed.prune(ctx)
		networks := s.feed.pruneNetworks(ctx)
		plans := s.feed.prunePlans(ctx)
		_, answers := s.store.PruneIdempotency(ctx, now)
		_, records := s.store.PruneTokens(ctx, now.Add(-keepRecords))
		_, quotas := s.store.PruneQuotas(ctx, now)
		if err := errors.Join(revocations, networks, plans, answers, records, quotas, s.store.PrunePasswords(ctx, now, now.Add(-keepRecords)), s.tidyKeys(ctx)); err != nil && ctx.Err() == nil {
			s.log.Error("old rows could not be dropped", "error", err)
		}
	}
}

// forgetUsed drops what was used once and is worthless by now, and what strangers begin without end: with servers that share a
// database each proof leaves a row there, and each device that wants to log in, good for minutes.
func (s *Server) forgetUsed(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, used := s.store.PruneOnce(ctx, s.now())
		if err := errors.Join(used, s.store.PruneDevices(ctx, s.now())); err != nil && ctx.Err() == nil {
			s.log.Error("used proofs, or devices that nobody let in, could not be dropped", "error", err)
		}
	}
}

// keepRecords is how long the record of an expired pass is kept.
const keepRecords = 30 * 24 * time.Hour

func (s *Server) reloadOnHangup(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		if s.cert == nil {
			continue
		}
		if err := s.cert.reload(); err != nil {
			s.log.Error("certificate not reloaded; the old one stays", "error", err)
			continue
		}
		s.log.Info("certificate reloaded")
	}
}

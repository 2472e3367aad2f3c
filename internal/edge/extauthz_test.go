package edge_test

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/gate/gatetest"
)

// envoy is what Envoy says of a request: GET of a target by a client at 192.0.2.7, with headers "name: value".
func envoy(target string, headers ...string) *authv3.CheckRequest {
	all := map[string]string{":method": "GET", ":path": target, ":authority": "photos.example.com", ":scheme": "https", "x-forwarded-proto": "https", "x-request-id": "envoy-1"}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if all[name] != "" && !strings.HasPrefix(name, ":") {
			value = all[name] + "," + value
		}
		all[name] = value
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:  at("192.0.2.7"),
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: target, Host: "photos.example.com", Scheme: "https", Headers: all}},
	}}
}

func at(address string) *authv3.AttributeContext_Peer {
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: address}}}}
}

// raw is the same with the headers one by one, as encode_raw_headers has it.
func raw(target string, headers ...string) *authv3.CheckRequest {
	asked := envoy(target)
	list := []*corev3.HeaderValue{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		list = append(list, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	http := asked.Attributes.Request.Http
	http.Headers, http.HeaderMap = nil, &corev3.HeaderMap{Headers: list}
	return asked
}

// but changes a question.
func but(asked *authv3.CheckRequest, change func(*authv3.AttributeContext)) *authv3.CheckRequest {
	change(asked.Attributes)
	return asked
}

func extension(name, value string) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) {
		if a.ContextExtensions == nil {
			a.ContextExtensions = map[string]string{}
		}
		a.ContextExtensions[name] = value
	}
}

// askEnvoy serves the door by gRPC, and returns a client.
func askEnvoy(t testing.TB, door *edge.ExtAuthz, client func() edge.Client) authv3.AuthorizationClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(edge.WithClient(ctx, client()), in)
	}))
	authv3.RegisterAuthorizationServer(server, door)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// extAuthz is the door before the world's application.
func (w *world) extAuthz(trusted ...string) *edge.ExtAuthz {
	networks, err := access.ParseNetworks(trusted)
	if err != nil {
		panic(err)
	}
	return edge.NewExtAuthz(w.config, networks)
}

func (w *world) theClient() edge.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client
}

// outcome is an answer as Envoy reads it.
type outcome struct {
	allowed bool
	status  int
	code    string      // of the problem
	header  http.Header // for the upstream where allowed, else for the client
	removed []string
	body    string
}

// read takes an answer apart, and fails where it does not hold together.
func read(t testing.TB, answer *authv3.CheckResponse) outcome {
	t.Helper()
	o := outcome{header: http.Header{}, allowed: answer.GetStatus().GetCode() == int32(codes.OK)}
	options := answer.GetOkResponse().GetHeaders()
	if !o.allowed {
		denied := answer.GetDeniedResponse()
		o.status, o.body, options = int(denied.GetStatus().GetCode()), denied.GetBody(), denied.GetHeaders()
	}
	for _, option := range options {
		key := option.GetHeader().GetKey()
		if option.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || key != strings.ToLower(key) {
			t.Errorf("%v does not overwrite", option)
		}
		o.header.Add(key, option.GetHeader().GetValue())
	}
	if o.allowed {
		o.removed = answer.GetOkResponse().GetHeadersToRemove()
		hasEveryIdentity(t, o.header)
		if answer.GetOkResponse() == nil || answer.GetDeniedResponse() != nil {
			t.Errorf("an answer allows and denies: %v", answer)
		}
		return o
	}
	var problem edge.Problem
	if err := json.Unmarshal([]byte(o.body), &problem); err != nil || o.header.Get("Content-Type") != "application/problem+json" || problem.Status != o.status || answer.GetErrorResponse() != nil {
		t.Errorf("a denial that is no problem: %v", answer)
	}
	if o.header.Get("Connection") != "" {
		t.Error("a denial speaks of the connection between Envoy and its client")
	}
	if o.code = problem.Code; answer.DynamicMetadata.GetFields()["reason"].GetStringValue() != o.code {
		t.Errorf("the log is told %v, the client %s", answer.DynamicMetadata, o.code)
	}
	return o
}

func ask(t testing.TB, client authv3.AuthorizationClient, question *authv3.CheckRequest) outcome {
	t.Helper()
	answer, err := client.Check(t.Context(), question)
	if err != nil {
		t.Fatalf("%v: %v", question, err)
	}
	return read(t, answer)
}

func throughExtAuthz(t *testing.T, client authv3.AuthorizationClient, c gatetest.Case) {
	t.Helper()
	question := envoy(c.Target, ":method: "+c.Method, ":authority: "+c.Host)
	a := question.Attributes
	a.Source, a.Request.Http.Method, a.Request.Http.Host = at(c.From.String()), c.Method, c.Host
	if c.Application != "" {
		extension("application", c.Application)(a)
	}
	if c.Bearer != "" {
		a.Request.Http.Headers["authorization"] = "Bearer " + c.Bearer
	}
	got := ask(t, client, question)
	if request, err := c.Request(); err == nil && request.Path.Target() != c.Target && got.code == "bad_path" {
		return // Envoy sends the target as it stands, so what is not canonical is refused
	}
	if c.Want.Status == http.StatusOK {
		if who := identityOf(got.header); !got.allowed || who != c.Want.Identity {
			t.Errorf("%v: ext_authz answered %+v, want %+v", c, got, c.Want.Identity)
		}
		return
	}
	if got.allowed || got.status != c.Want.Status || got.code != string(c.Want.Reason) {
		t.Errorf("%v: ext_authz answered %+v, want %s", c, got, c.Want.Reason)
	}
	if c.Want.Status == http.StatusUnauthorized && got.header.Get("Www-Authenticate") == "" {
		t.Errorf("%v: ext_authz gave no challenge", c)
	}
}

func TestExtAuthzAnswers(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz("10.0.0.0/8"), w.theClient)
	const good = "authorization: Bearer pass.admin:read"
	for _, c := range []struct {
		name     string
		question *authv3.CheckRequest
		code     string // empty: allowed
	}{
		{"public", envoy("/public/x"), ""},
		{"with a pass", envoy("/admin/x?page=2", good), ""},
		{"raw headers", raw("/admin/x", good), ""},
		{"named application", but(envoy("/public/x"), extension("application", "acme/photos")), ""},
		{"host header that agrees", envoy("/public/x", "host: photos.example.com"), ""},
		{"method override that agrees", envoy("/public/x", "x-http-method-override: GET"), ""},
		{"upgrade", envoy("/public/x", "connection: keep-alive, Upgrade", "upgrade: websocket"), ""},
		{"headers of a proxy", envoy("/public/x", "x-envoy-original-path: /admin/x", "x-real-ip: 10.0.0.1", "forwarded: for=10.0.0.1"), ""},

		{"no pass", envoy("/admin/x"), "token_missing"},
		{"a key", envoy("/admin/x", "api-key: dp_live_x"), "token_invalid"},
		{"wrong scope", envoy("/admin/x", "authorization: Bearer pass.other"), "scope_missing"},
		{"no rule", envoy("/else"), "no_rule"},
		{"application of nobody", but(envoy("/public/x"), extension("application", "acme/other")), "no_application"},
		{"a cookie is no pass", envoy("/admin/x", "cookie: session=pass.admin:read"), "token_missing"},
		{"endless pass", envoy("/admin/x", good+strings.Repeat("x", 200<<10)), "token_invalid"},
		{"shaped", envoy("/shaped/x"), "shape_needs_gateway"},
		{"GraphQL", envoy("/graphql/open", good), "graphql_needs_gateway"},

		{"two passes, merged", envoy("/admin/x", good, good), "two_credentials"},
		{"two passes, raw", raw("/admin/x", good, good), "two_credentials"},
		{"two passes in two cases", but(envoy("/admin/x", good), func(a *authv3.AttributeContext) {
			a.Request.Http.Headers["Authorization"] = "Bearer pass.other"
		}), "two_credentials"},
		{"pass and key", envoy("/admin/x", good, "api-key: dp_live_x"), "two_credentials"},
		{"token in query", envoy("/public/x?access_token=x"), "token_in_query"},

		{"dots", envoy("/public/../admin/x"), "bad_path"},
		{"fragment", envoy("/public/x#/admin"), "bad_path"},
		{"parameters", envoy("/public/..;/admin/x"), "bad_path"},
		{"encoded slash", envoy("/public%2f..%2fadmin/x"), "bad_path"},
		{"encoded twice", envoy("/public/%252e%252e/admin/x"), "bad_path"},
		{"not canonical", envoy("/public/%61"), "bad_path"},
		{"whole URL", envoy("http://photos.example.com/public/x"), "bad_path"},
		{"asterisk", envoy("*"), "bad_path"},

		{"user in the authority", but(envoy("/public/x", ":authority: u@photos.example.com"), func(a *authv3.AttributeContext) { a.Request.Http.Host = "u@photos.example.com" }), "bad_host"},
		{"another authority", envoy("/public/x", ":authority: evil.example.com"), "bad_forwarded"},
		{"another host", envoy("/public/x", "host: evil.example.com"), "bad_forwarded"},
		{"another path", envoy("/public/x", ":path: /admin/x"), "bad_forwarded"},
		{"another method", envoy("/public/x", ":method: POST"), "bad_forwarded"},
		{"unknown pseudo-header", envoy("/public/x", ":daypass: x"), "bad_forwarded"},
		{"method list", but(envoy("/public/x", ":method: GET, POST"), func(a *authv3.AttributeContext) { a.Request.Http.Method = "GET, POST" }), "bad_forwarded"},
		{"query beside the path", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Request.Http.Query = "access_token=x" }), "bad_forwarded"},
		{"fragment beside the path", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Request.Http.Fragment = "x" }), "bad_forwarded"},
		{"headers in two ways", but(envoy("/public/x"), func(a *authv3.AttributeContext) {
			a.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-daypass-subject", Value: "root"}}}
		}), "bad_forwarded"},

		{"two protocols", envoy("/public/x", "x-forwarded-proto: http"), "bad_forwarded"},
		{"method override", envoy("/public/x", "x-http-method-override: DELETE"), "bad_forwarded"},
		{"rewritten URL", envoy("/public/x", "x-rewrite-url: /admin/x"), "bad_forwarded"},
		{"identity from the client", envoy("/public/x", "x-daypass-subject: root"), "bad_forwarded"},
		{"identity with underscores", envoy("/public/x", "x_daypass_subject: root"), "bad_forwarded"},
		{"identity in capitals", envoy("/public/x", "X-DAYPASS-SUBJECT: root"), "bad_forwarded"},
		{"forwarded with underscores", envoy("/public/x", "x_forwarded_for: 10.0.0.1"), "bad_forwarded"},
		{"dropping identity", envoy("/public/x", "connection: upgrade, X-Daypass-Subject", "upgrade: websocket"), "bad_forwarded"},
		{"not UTF-8", raw("/public/x", "x-name: \xff"), "bad_header"},
		{"unknown context", but(envoy("/public/x"), extension("aplication", "acme/photos")), "bad_parameter"},
		{"empty context", but(envoy("/public/x"), extension("application", "")), "bad_parameter"},
		{"further context", but(but(envoy("/public/x"), extension("application", "acme/photos")), extension("x", "y")), "bad_parameter"},

		{"nothing", &authv3.CheckRequest{}, "bad_forwarded"},
		{"no request", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Request = nil }), "bad_forwarded"},
		{"no method", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Request.Http.Method = "" }), "bad_forwarded"},
		{"no path", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Request.Http.Path = "" }), "bad_forwarded"},
		{"no source", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Source = nil }), "bad_forwarded"},
		{"a pipe for a source", but(envoy("/public/x"), func(a *authv3.AttributeContext) {
			a.Source.Address.Address = &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/run/x"}}
		}), "bad_forwarded"},
		{"a name for a source", but(envoy("/public/x"), func(a *authv3.AttributeContext) { a.Source = at("localhost") }), "bad_forwarded"},
		{"no address in a trusted proxy's list", but(envoy("/public/x", "x-forwarded-for: unknown"), func(a *authv3.AttributeContext) { a.Source = at("10.0.0.1") }), "bad_forwarded"},
	} {
		if got := ask(t, client, c.question); got.code != c.code || got.allowed != (c.code == "") {
			t.Errorf("%s: %+v, want %q", c.name, got, c.code)
		}
	}
	if w.counts[edge.BadRequest] == 0 || w.counts[gate.Allowed] == 0 || w.counts[gate.TokenMissing] == 0 {
		t.Errorf("counted %v", w.counts)
	}
}

// TestExtAuthzTellsTheUpstream: who calls is set, whatever the client said; what speaks for a proxy is taken away.
func TestExtAuthzTellsTheUpstream(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	credentials := []string{"authorization: Bearer pass.admin:read", "cookie: a=b"}
	claims := []string{
		"x-envoy-original-path: /x", "x-envoy-upstream-rq-timeout-ms: 1", "x-envoy-original-dst-host: 10.0.0.1:80", "x-forwarded-host: evil", "x-forwarded-port: 1",
		"x-forwarded-prefix: /x", "x-real-ip: 10.0.0.1", "true-client-ip: 10.0.0.1", "forwarded: for=10.0.0.1", "x-forwarded-for: 10.0.0.1",
	}
	got := ask(t, client, envoy("/admin/x", append(claims, credentials...)...))
	want := []string{
		"api-key", "authorization", "cookie", "dpop", "forwarded", "true-client-ip", "x-envoy-original-dst-host", "x-envoy-original-path", "x-envoy-upstream-rq-timeout-ms",
		"x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip",
	}
	if removed := slices.Sorted(slices.Values(got.removed)); !slices.Equal(removed, want) {
		t.Errorf("taken away: %q", removed)
	}
	if who := identityOf(got.header); who.Subject != "alice" || who.Scopes != "admin:read" || who.KeyID != "key_admin:read" || len(got.header) != 7 {
		t.Errorf("told: %v", got.header)
	}
	if got.header.Get("X-Forwarded-For") != "192.0.2.7" {
		t.Errorf("the client's address is told as %q", got.header["X-Forwarded-For"])
	}
	kept := ask(t, client, envoy("/keep/x", append(credentials, "x-forwarded-for: 192.0.2.7")...))
	if !slices.Equal(kept.removed, []string{"api-key", "dpop"}) || kept.header["X-Forwarded-For"] != nil {
		t.Errorf("pass_token, pass_cookies: %+v", kept)
	}
	if anonymous := ask(t, client, envoy("/public/x")); identityOf(anonymous.header) != (gate.Identity{}) {
		t.Errorf("anonymous: %v", anonymous.header)
	}
}

// TestExtAuthzClientHeadersChangeNothing does to a client's headers what Envoy does, and holds what the upstream gets
// against what it gets without them. What Envoy itself looks after is left out.
func TestExtAuthzClientHeadersChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	sent := func(lines ...string) (map[string]string, outcome) {
		question := envoy("/public/x", lines...)
		got := ask(t, client, question)
		headers := maps.Clone(question.Attributes.Request.Http.Headers)
		for name := range got.header {
			headers[strings.ToLower(name)] = got.header.Get(name)
		}
		for _, name := range append(got.removed, "x-request-id", "x-forwarded-proto", "x-forwarded-client-cert", "connection", "keep-alive", "te", "user-agent") {
			delete(headers, name)
		}
		return headers, got
	}
	plain, _ := sent("x-forwarded-for: 192.0.2.1")
	for _, claim := range proxyClaims(t) {
		var lines []string
		for _, line := range strings.Split(claim, "\r\n") {
			name, value, _ := strings.Cut(line, ": ")
			lines = append(lines, strings.ToLower(name)+": "+value)
		}
		headers, got := sent(append(lines, "x-forwarded-for: 192.0.2.1")...)
		if got.code != "bad_forwarded" && !maps.Equal(headers, plain) {
			t.Errorf("%q: %s\n got %v\nwant %v", claim, got.code, headers, plain)
		}
	}
}

// TestExtAuthzPaths: however a path is spelled, it ends nowhere else than was decided on.
func TestExtAuthzPaths(t *testing.T) {
	var vectors struct{ Targets []struct{ Target string } }
	readVectors(t, "paths.json", &vectors)
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	for _, v := range vectors.Targets {
		question := envoy(v.Target)
		if _, err := proto.Marshal(question); err != nil {
			continue // not UTF-8, which such a message cannot hold
		}
		got := ask(t, client, question)
		sent, _, _ := strings.Cut(v.Target, "?")
		if decoded, err := url.PathUnescape(sent); got.allowed && (err != nil || !strings.HasPrefix(path.Clean(decoded)+"/", "/public/")) {
			t.Errorf("%q was allowed", v.Target)
		}
	}
}

// TestExtAuthzClientAddress: X-Forwarded-For counts where a trusted proxy stands before Envoy, and nowhere else.
func TestExtAuthzClientAddress(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz("10.0.0.0/8"), w.theClient)
	for _, c := range []struct{ source, forwarded, want string }{
		{"192.0.2.1", "198.51.100.9", "192.0.2.1"},
		{"10.0.0.1", "198.51.100.9", "198.51.100.9"},
		{"10.0.0.1", "203.0.113.1, 198.51.100.9,10.0.0.2", "198.51.100.9"},
		{"::ffff:192.0.2.1", "198.51.100.9", "192.0.2.1"},
		{"2001:db8::1", "198.51.100.9", "2001:db8::1"},
	} {
		question := envoy("/public/x", "x-forwarded-for: "+c.forwarded)
		question.Attributes.Source = at(c.source)
		got := ask(t, client, question)
		if told := got.header.Get("X-Forwarded-For"); told != c.want && (told != "" || c.forwarded != c.want) {
			t.Errorf("%s from %s: told %q, want %s", c.forwarded, c.source, told, c.want)
		}
		if last := w.lastUse(); last.Address != netip.MustParseAddr(c.want) {
			t.Errorf("%s from %s: used from %s, want %s", c.forwarded, c.source, last.Address, c.want)
		}
	}
}

func TestExtAuthzBelievesTrustedProxiesOnly(t *testing.T) {
	w := newWorld(t, nil)
	who := w.theClient()
	who.TrustedPeer = false
	w.setClient(who)
	client := askEnvoy(t, w.extAuthz("10.0.0.0/8"), w.theClient)
	if got := ask(t, client, envoy("/public/x")); got.code != "untrusted_proxy" || got.status != http.StatusForbidden {
		t.Errorf("%+v", got)
	}
	w.setClient(edge.Client{TrustedPeer: true})
	if got := ask(t, client, envoy("/public/x")); got.code != "internal" {
		t.Errorf("an asker without address: %+v", got)
	}
}

// TestExtAuthzDeniesInTheWordsOfForwardAuth holds status, headers and body of both doors against each other.
func TestExtAuthzDeniesInTheWordsOfForwardAuth(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	for _, authorization := range []string{"", "Bearer x", "Bearer dp_live_x", "Bearer pass.other"} {
		lines, headers := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /admin/x"}, []string{}
		if authorization != "" {
			lines, headers = append(lines, "Authorization: "+authorization), append(headers, "authorization: "+authorization)
		}
		res, body, _ := exchange(t, w.Forward, asked("/v1/forward-auth", lines...))
		got := ask(t, client, envoy("/admin/x", headers...))
		for _, name := range []string{"Connection", "Content-Length", "Date"} {
			res.Header.Del(name)
		}
		if got.status != res.StatusCode || got.body != body || !maps.EqualFunc(got.header, res.Header, slices.Equal) {
			t.Errorf("%q: ext_authz %+v, forward-auth %d %v %s", authorization, got, res.StatusCode, res.Header, body)
		}
	}
}

func TestExtAuthzTellsTheLogNoSecret(t *testing.T) {
	w := newWorld(t, nil)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	for _, c := range []struct{ pass, want string }{
		{"pass.admin:read", "acme/photos acme allowed alice"},
		{"pass.other", "acme/photos acme scope_missing alice"},
		{"dp_live_x", "acme/photos token_invalid"},
	} {
		answer, err := client.Check(t.Context(), envoy("/admin/x", "authorization: Bearer "+c.pass))
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		fields := answer.GetDynamicMetadata().GetFields()
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			told = append(told, fields[name].GetStringValue())
		}
		if strings.Join(told, " ") != c.want {
			t.Errorf("%s: %q, want %s", c.pass, told, c.want)
		}
		if text, _ := proto.Marshal(answer); strings.Contains(string(text), c.pass) {
			t.Errorf("%s is in the answer", c.pass)
		}
	}
}

// TestExtAuthzAlwaysAnswers: a panic denies; and so does an asker who has gone, or whose time is over.
func TestExtAuthzAlwaysAnswers(t *testing.T) {
	w := newWorld(t, nil)
	config := w.config
	stuck := make(chan struct{})
	config.Gate = gate.New(gate.Config{Now: w.Now, Read: func(text string) (*access.Token, error) {
		if text == "stuck" {
			<-stuck
		}
		panic("canary")
	}})
	config.Gate.Swap(w.gate.View())
	door := edge.NewExtAuthz(config, access.Networks{})
	client := askEnvoy(t, door, w.theClient)
	if got := ask(t, client, envoy("/admin/x", "authorization: Bearer x")); got.code != "internal" || got.status != http.StatusInternalServerError || strings.Contains(got.body, "canary") {
		t.Errorf("after a panic: %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	answer, err := client.Check(ctx, envoy("/public/x", "authorization: Bearer stuck"))
	if status.Code(err) != codes.DeadlineExceeded || answer != nil {
		t.Errorf("after the deadline: %v %v", answer, err)
	}
	close(stuck)
	<-ctx.Done() // the server's end may have noticed first
	late, err := door.Check(edge.WithClient(ctx, w.theClient()), envoy("/public/x"))
	if got := read(t, late); err != nil || got.code != "proxy_left" || got.status != http.StatusServiceUnavailable {
		t.Errorf("asked after the deadline: %+v %v", got, err)
	}
}

// FuzzExtAuthz: whatever is asked, the answer is one, and can be sent; and what it lets in is what was decided on.
func FuzzExtAuthz(f *testing.F) {
	w := newWorld(f, nil)
	door := w.extAuthz("10.0.0.0/8")
	for _, name := range []string{"authorization", "x-daypass-subject", "x_daypass_org", "connection", ":path", "X-Forwarded-For", "x-http-method"} {
		f.Add("GET", "photos.example.com", "/public/x?a=b", name, "Bearer pass.admin:read", "192.0.2.7", "acme/photos", false)
		f.Add("POST", "photos.example.com:443", "/admin/%41", name, "10.0.0.1, 192.0.2.8", "10.0.0.1", "", true)
	}
	f.Fuzz(func(t *testing.T, method, host, target, name, value, source, hint string, one bool) {
		headers := map[string]string{name: value, "authorization": "Bearer pass.admin:read"}
		question := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source:            at(source),
			Request:           &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: method, Host: host, Path: target, Headers: headers}},
			ContextExtensions: map[string]string{"application": hint},
		}}
		if one {
			question.Attributes.Request.Http.Headers = nil
			question.Attributes.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: name, RawValue: []byte(value)}}}
			question.Attributes.ContextExtensions = nil
		}
		answer, err := door.Check(edge.WithClient(t.Context(), w.theClient()), question)
		if err != nil || answer == nil {
			t.Fatal("no answer", err)
		}
		if _, err := proto.Marshal(answer); err != nil {
			t.Fatal("the answer cannot be sent:", err)
		}
		got := read(t, answer)
		if got.code == "internal" {
			t.Fatal("it panics")
		}
		if !got.allowed {
			return
		}
		read, err := catalog.ParsePath(target)
		if err != nil || !strings.EqualFold(read.Target(), target) {
			t.Errorf("let in at %q, which goes on as it is", target)
		}
		if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-daypass-") {
			t.Errorf("let in with %s", name)
		}
		pass := !one || strings.EqualFold(name, "authorization") && strings.Contains(value, "pass.")
		if !pass && !strings.HasPrefix(read.Decoded(), "/public") && !strings.HasPrefix(read.Decoded(), "/keep") {
			t.Errorf("let in at %s without a pass", target)
		}
		if _, err := netip.ParseAddr(strings.Split(source, "%")[0]); err != nil {
			t.Errorf("let in from %q", source)
		}
	})
}

func BenchmarkExtAuthz(b *testing.B) {
	w := newWorld(b, nil)
	config := w.config
	config.Observer, config.Meter = discard{}, discard{}
	door := edge.NewExtAuthz(config, access.Networks{})
	ctx := edge.WithClient(b.Context(), w.theClient())
	question := envoy("/admin/x?page=2", "authorization: Bearer pass.admin:read", "accept: */*", "accept-encoding: gzip", "user-agent: bench", "x-forwarded-for: 192.0.2.7")
	b.ReportAllocs()
	for b.Loop() {
		if answer, _ := door.Check(ctx, question); answer.GetOkResponse() == nil {
			b.Fatal(answer)
		}
	}
}

package edge

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// bodyWithin is how long the body of a GraphQL request may take to arrive: it is held in memory until it is judged.
const bodyWithin = 30 * time.Second

// maxGetTarget is how many bytes path and query of a GET may have on the way to the upstream: some servers take no more.
const maxGetTarget = 8 << 10

var (
	errGraphQLAmbiguous    = access.New(access.Malformed, "graphql_ambiguous", "the request names its query, operationName, variables or extensions twice, or in the URL of a POST; send each once, in the body")
	errGraphQLMethod       = access.New(access.NotAllowed, "graphql_method", "GraphQL is asked by POST; by GET queries only")
	errGraphQLMutation     = access.New(access.NotAllowed, "graphql_mutation_by_get", "a mutation is sent by POST")
	errGraphQLStream       = access.New(access.NotAllowed, "graphql_subscription_by_get", "a subscription by GET needs 'Accept: text/event-stream', or a WebSocket")
	errMethodOverride      = access.New(access.NotAllowed, "method_override", "a GraphQL request says its method in the request line only")
	errGraphQLSlow         = access.New(access.Malformed, "graphql_incomplete", "the body did not arrive in full in time")
	errGraphQLNeedsGateway = access.New(access.Forbidden, "graphql_needs_gateway", "what a GraphQL request does stands in its body, which no proxy shows here; let the gateway serve this resource")
	errGraphQLBatched      = access.New(access.Malformed, "graphql_batch_subscription", "a subscription is sent alone, not in a list")
)

// isGraphQL reports whether a decision was made under a GraphQL policy.
func isGraphQL(d *gate.Decision) bool { return d.Resource != nil && d.Resource.GraphQL != nil }

// awaitsOperation reports whether nothing speaks against a request but that its operation is not known yet.
func (d *door) awaitsOperation(r *gate.Request, decision *gate.Decision) bool {
	return d.readsGraphQL && r.GraphQL == nil && decision.Reason == gate.GraphQLUnparsed
}

// note counts a request that ended before an operation could be judged.
func (p *passage) note(decision *gate.Decision, userAgent string) {
	p.gateway.observer.Observe(decision.Reason, 0)
	p.gateway.count(decision, access.LastUse{Time: p.gateway.now(), Address: p.client.Address, UserAgent: userAgent})
}

// graphql finds out what a GraphQL request asks, judges each operation in it, and puts in the request's place one that
// asks exactly what was judged. Where it returns false it has answered itself.
func (p *passage) graphql(w http.ResponseWriter, r *http.Request, credential string, sofar gate.Decision) (gate.Decision, bool) {
	if isWebSocket(r.Header) {
		p.serveSocket(w, r, credential, sofar)
		return sofar, false
	}
	if early := p.gateway.gate.Connect(&p.request, credential, p.gateway.now()); !early.Allow && !sofar.Resource.GraphQL.AnyPublic() {
		p.note(&early, userAgent(r.Header)) // the body need not be read
		return early, true
	}
	list, err := p.readGraphQL(w, r, &sofar)
	if err != nil {
		p.note(&sofar, userAgent(r.Header))
		tellPage(w.Header(), r.Header, sofar.Application)
		p.gateway.refuseGraphQL(w, r, err, list)
		return sofar, false
	}
	p.request.Length = r.ContentLength
	decision := p.gateway.judgeAll(&p.request, list.requests, credential, userAgent(r.Header))
	if !decision.Allow {
		return decision, true
	}
	for _, one := range list.requests {
		p.gateway.persisted.keep(sofar.Application.ID, one)
	}
	if err := p.replace(r, list); err != nil {
		WriteProblem(w, r, err)
		return decision, false
	}
	return decision, true
}

// judgeAll is [door.judge] for operations that come together, at least one. The first that is denied decides for all, and is
// counted alone; else limits admit all of them, or none.
func (d *door) judgeAll(r *gate.Request, list []*graphqlRequest, bearer, userAgent string) gate.Decision {
	began := d.now()
	decisions := make([]gate.Decision, len(list))
	for i, one := range list {
		r.GraphQL = one.operation
		decisions[i] = d.gate.CheckAt(r, bearer, began)
		if !decisions[i].Allow {
			d.conclude(r, &decisions[i], began, userAgent)
			return decisions[i]
		}
	}
	first := &decisions[0]
	d.limit(r, first, began, int64(len(list)))
	for i, one := range list {
		decisions[i].Limited = first.Limited
		if !first.Allow {
			decisions[i].Allow, decisions[i].Reason = false, first.Reason
		}
		r.GraphQL = one.operation
		d.conclude(r, &decisions[i], began, userAgent)
	}
	return decisions[len(list)-1]
}

// readGraphQL reads the operations of a request and refuses what a browser could be made to send for a stranger, and what
// two programs could read differently.
func (p *passage) readGraphQL(w http.ResponseWriter, r *http.Request, sofar *gate.Decision) (*graphqlList, error) {
	for name := range r.Header {
		if overridesMethod(name) {
			return nil, errMethodOverride
		}
	}
	values, err := url.ParseQuery(p.request.Path.Query())
	if err != nil {
		return nil, access.New(access.Malformed, "bad_query", "the query of the URL is not well formed")
	}
	list, policy := new(graphqlList), sofar.Resource.GraphQL
	switch r.Method {
	case http.MethodGet:
		err = list.readURL(r, values)
	case http.MethodPost:
		err = list.readBody(w, r, values, policy)
	default:
		err = errGraphQLMethod
	}
	if err != nil {
		return list, err
	}
	for _, one := range list.requests {
		if err := p.gateway.persisted.resolve(sofar.Application.ID, one); err != nil {
			return list, err
		}
		if one.operation, err = policy.Read(catalog.GraphQLRequest{Query: *one.Query, OperationName: one.OperationName}); err != nil {
			return list, err
		}
		if err := admits(r, one.operation.Kind, list.isBatch); err != nil {
			return list, err
		}
	}
	return list, nil
}

// admits says what kind of operation may come in what kind of request.
func admits(r *http.Request, kind catalog.OperationKind, isBatch bool) error {
	switch {
	case kind == catalog.Subscription && isBatch:
		return errGraphQLBatched
	case r.Method != http.MethodGet || kind == catalog.Query:
		return nil
	case kind == catalog.Mutation:
		return errGraphQLMutation
	case !accepts(r.Header, "text/event-stream"):
		return errGraphQLStream
	}
	return nil
}

// readURL reads a GET.
func (l *graphqlList) readURL(r *http.Request, values url.Values) error {
	if r.ContentLength != 0 {
		return errGraphQLBody.Because(errors.New("a GET with a body"))
	}
	for name, v := range values {
		if len(v) > 1 && isGraphQLMember(name) || isGraphQLMember(name) != isGraphQLParameter(name) {
			return errGraphQLAmbiguous
		}
	}
	one, err := requestOf(values)
	l.requests = []*graphqlRequest{one}
	return err
}

// readBody reads a POST. What stands in its URL is not sent on, and may not look like a part of the request.
func (l *graphqlList) readBody(w http.ResponseWriter, r *http.Request, values url.Values, policy *catalog.GraphQL) error {
	for name := range values {
		if isGraphQLParameter(name) {
			return errGraphQLAmbiguous
		}
	}
	media, err := graphqlMedia(r.Header)
	if err != nil {
		return err
	}
	body, err := readInTime(w, r, policy.MaxBody())
	if err != nil {
		return err
	}
	if media == mediaGraphQL {
		return l.readText(body)
	}
	return l.readJSON(body, policy)
}

// readInTime reads a body of at most so many bytes. Memory is taken as they come, not as they are announced.
func readInTime(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWithin)) // where that is not supported, the limit of size remains
	body, err := readAll(http.MaxBytesReader(w, r.Body, most), r.ContentLength)
	_ = control.SetReadDeadline(time.Time{})
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case err == nil:
		r.ContentLength = int64(len(body)) // known now, if it was not announced
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, errFraming):
		return nil, access.New(access.Malformed, "bad_framing", "the body is not framed as HTTP says")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errGraphQLSlow
	}
	return nil, errGraphQLSlow.Because(err)
}

// readAll is [io.ReadAll], which takes no more than the announced length at the end; negative: none was.
func readAll(r io.Reader, announced int64) ([]byte, error) {
	const begin = 8 << 10
	body := make([]byte, 0, min(max(announced, bytes.MinRead), begin)+1)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
		if len(body) == cap(body) {
			size := int64(2 * cap(body))
			if announced >= int64(cap(body)) {
				size = min(size, announced+1) // one more, to see the end
			}
			body = append(make([]byte, 0, size), body...)
		}
	}
}

// replace puts what was judged in the place of what was sent. A GET stays one as long as its URL is not too long for
// servers, which it may become where the client sent a hash only.
func (p *passage) replace(r *http.Request, list *graphqlList) (err error) {
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Md5", "Content-Digest", "Digest", "Expect"} {
		delete(r.Header, name) // all are of the body that came
	}
	r.TransferEncoding, r.Trailer = nil, nil
	p.replaced = true
	path := p.request.Path.String()
	if r.Method == http.MethodGet {
		delete(r.Header, "Content-Type")
		if target := path + "?" + list.requests[0].query(); len(target) <= maxGetTarget {
			r.Body, r.ContentLength = http.NoBody, 0
			p.request.Path, err = catalog.ParsePath(target)
			return err
		}
		r.Method = http.MethodPost
	}
	body, err := list.body()
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header["Content-Type"] = []string{mediaJSON}
	p.request.Path, err = catalog.ParsePath(path)
	return err
}

// refuseGraphQL answers a request whose operations could not be read.
func (g *Gateway) refuseGraphQL(w http.ResponseWriter, r *http.Request, err error, list *graphqlList) {
	if errors.Is(err, errPersistedUnknown) {
		writeGraphQL(w, r, http.StatusOK, unread(err), list.times())
		return
	}
	e := Shown(err)
	switch e.Kind {
	case access.Internal:
		g.log.LogAttrs(r.Context(), slog.LevelError, "GraphQL request not read", slog.Any("error", err), slog.String("request_id", ClientFrom(r.Context()).RequestID))
	case access.NotAllowed:
		allow := http.MethodPost
		if e.Code == errGraphQLMethod.Code {
			allow = "GET, POST"
		}
		w.Header().Set("Allow", allow)
	case access.Malformed, access.TooLarge, access.Unsupported:
		w.Header().Set("Connection", "close")
	}
	writeGraphQL(w, r, StatusOf(e.Kind), unread(err), 1)
}

// lasts reports whether the answer goes on for as long as the client wishes.
func (p *passage) lasts() bool {
	return p.request.GraphQL != nil && p.request.GraphQL.Kind == catalog.Subscription
}

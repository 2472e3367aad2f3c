package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

// errShape is why an answer could not be shaped. Nothing of such an answer is passed on.
type errShape struct{ cause error }

func (e *errShape) Error() string { return "edge: the answer cannot be shaped: " + e.cause.Error() }
func (e *errShape) Unwrap() error { return e.cause }

// errShapeNeedsGateway is the answer of doors that do not see what the upstream says.
var errShapeNeedsGateway = access.New(access.Unavailable, "shape_needs_gateway",
	"the resource changes what the application answers, which only the gateway can do; send these requests through it")

// forParts are request headers that ask for a part of the upstream's answer, or for none where the client has it: the
// client never has it, and only a whole answer can be shaped. If-Match stays, for it guards what is written.
var forParts = []string{"If-Modified-Since", "If-None-Match", "If-Range", "Range"}

// askWhole makes the upstream answer with something that can be shaped.
func askWhole(h http.Header) {
	for _, name := range forParts {
		delete(h, name)
	}
	h["Accept-Encoding"] = []string{"identity"}
}

// ofUpstreamsBody are headers of an answer that speak of the upstream's own bytes.
var ofUpstreamsBody = []string{
	"Accept-Ranges", "Content-Digest", "Content-Length", "Content-Md5", "Digest", "Etag", "Last-Modified", "Repr-Digest", "Signature", "Signature-Input", "Trailer",
}

// shape changes an answer as the resource says. Only JSON is passed on, changed, whatever its status. An answer that
// tells of a failure or of another place in any other form loses its body; a successful one is refused.
func (p *passage) shape(res *http.Response) error {
	s := p.decision.Resource.Shape
	for _, name := range ofUpstreamsBody {
		delete(res.Header, name)
	}
	if p.request.Method == http.MethodHead || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified {
		return nil
	}
	if !isPlainJSON(res.Header) {
		if res.StatusCode < 300 {
			return &errShape{errors.New("it is not plain JSON")}
		}
		delete(res.Header, "Content-Type")
		delete(res.Header, "Content-Encoding")
		replaceBody(res, nil)
		return nil
	}
	within := kindOf(p.decision.Application.Document).timeout
	ctx, cancel := context.WithTimeout(res.Request.Context(), within)
	defer cancel()
	late := context.AfterFunc(ctx, func() { res.Body.Close() })
	defer late()
	answer, err := readMost(res.Body, s.MaxBody)
	if err == nil {
		answer, err = s.Apply(answer, func(targets []string) []catalog.Fetched { return p.fetch(ctx, res.Request, targets) })
	}
	if ctx.Err() != nil && res.Request.Context().Err() == nil {
		return context.DeadlineExceeded
	}
	if err != nil {
		return &errShape{err}
	}
	replaceBody(res, answer)
	return nil
}

// isPlainJSON reports whether a body is JSON in UTF-8, not compressed.
func isPlainJSON(h http.Header) bool {
	types := h["Content-Type"]
	if coding := h.Get("Content-Encoding"); len(types) != 1 || coding != "" && coding != "identity" {
		return false
	}
	kind, parameters, err := mime.ParseMediaType(types[0])
	if charset := parameters["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

func readMost(body io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if int64(len(data)) > most {
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return data, err
}

func replaceBody(res *http.Response, body []byte) {
	res.Body.Close()
	res.Body, res.ContentLength, res.TransferEncoding, res.Trailer = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil, nil
	res.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
}

// joinsAtOnce is how many calls are made beside each other for one answer.
const joinsAtOnce = 8

// fetch asks the upstream for what is joined to an answer, in the caller's name as the gateway tells it: with the identity
// headers, and without any credential or other header of the client's.
func (p *passage) fetch(ctx context.Context, sent *http.Request, targets []string) []catalog.Fetched {
	results := make([]catalog.Fetched, len(targets))
	slots := make(chan struct{}, joinsAtOnce)
	var all sync.WaitGroup
	for i, target := range targets {
		slots <- struct{}{}
		all.Go(func() {
			results[i].Body, results[i].Err = p.fetchOne(ctx, sent, target)
			<-slots
		})
	}
	all.Wait()
	return results
}

func (p *passage) fetchOne(ctx context.Context, sent *http.Request, target string) ([]byte, error) {
	path, err := catalog.ParsePath(target)
	if err != nil {
		return nil, err
	}
	document := p.decision.Application.Document
	request := (&http.Request{Method: http.MethodGet, Host: sent.Host, URL: &url.URL{Scheme: sent.URL.Scheme, Host: sent.URL.Host}, Header: http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "User-Agent": {"daypass"},
	}}).WithContext(ctx)
	path.Apply(request.URL)
	setIdentity(request.Header, p.identity)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id"} {
		request.Header[name] = sent.Header[name]
	}
	response, err := p.gateway.transports.get(kindOf(document)).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || !isPlainJSON(response.Header) {
		return nil, fmt.Errorf("the upstream answered %d with %s", response.StatusCode, shortType(response.Header.Get("Content-Type")))
	}
	return readMost(response.Body, p.decision.Resource.Shape.MaxBody)
}

func shortType(s string) string {
	const most = 60
	if s == "" {
		return "no type"
	}
	return strconv.Quote(s[:min(len(s), most)])
}

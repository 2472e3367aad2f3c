package edge

import (
	"net/http"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daypass/daypass/internal/gate"
)

// authzAnswer takes what a door writes as an HTTP answer, and says it in Envoy's words.
type authzAnswer struct {
	header http.Header
	status int
	body   []byte
}

func newAuthzAnswer() *authzAnswer {
	return &authzAnswer{header: make(http.Header, len(identityHeaders)), status: http.StatusOK}
}

func (a *authzAnswer) Header() http.Header    { return a.header }
func (a *authzAnswer) WriteHeader(status int) { a.status = status }
func (a *authzAnswer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// codeOf is what a denial's HTTP status is among those of gRPC. None of them is OK, which alone allows.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusInternalServerError:
		return codes.Internal
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.PermissionDenied
}

// denial hands on what was written. The decision is nil where there is none.
func (a *authzAnswer) denial(code string, d *gate.Decision) *authv3.CheckResponse {
	delete(a.header, "Connection") // is between Envoy and its client
	headers := newOverwrites(len(a.header))
	for name, values := range a.header {
		headers.set(strings.ToLower(name), strings.Join(values, ", "))
	}
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codeOf(a.status)), Message: code},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.status)}, Headers: headers.list, Body: string(a.body),
		}},
		DynamicMetadata: logged(code, d),
	}
}

// identityKeys are the identity headers as gRPC has names: in lower case.
var identityKeys = func() (keys [len(identityHeaders)]string) {
	for i, name := range identityHeaders {
		keys[i] = strings.ToLower(name)
	}
	return keys
}()

// permit tells the upstream who calls; anything else that was written is for the client.
func (a *authzAnswer) permit(q *authzQuestion, d *gate.Decision) *authv3.CheckResponse {
	headers := newOverwrites(len(identityHeaders) + 1)
	for i, name := range identityHeaders {
		headers.set(identityKeys[i], a.header[name][0])
		delete(a.header, name)
	}
	// One entry, and a true one, as from the gateway: some upstreams believe the first.
	if client := q.request.Address.String(); len(q.header["X-Forwarded-For"]) != 1 || q.header["X-Forwarded-For"][0] != client {
		headers.set("x-forwarded-for", client)
	}
	allowed := &authv3.OkHttpResponse{Headers: headers.list, HeadersToRemove: q.withheld(d)}
	if len(a.header) > 0 {
		back := newOverwrites(len(a.header))
		for name, values := range a.header {
			back.set(strings.ToLower(name), strings.Join(values, ", "))
		}
		allowed.ResponseHeadersToAdd = back.list
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: allowed},
		DynamicMetadata: logged(string(d.Reason), d),
	}
}

// overwrites are headers to set, whatever is there of them.
type overwrites struct {
	list  []*corev3.HeaderValueOption
	block []overwriteBlock // what list points into, in one allocation
}

type overwriteBlock struct {
	option corev3.HeaderValueOption
	header corev3.HeaderValue
}

func newOverwrites(most int) overwrites {
	return overwrites{list: make([]*corev3.HeaderValueOption, 0, most), block: make([]overwriteBlock, most)}
}

// set takes a name in lower case. An Envoy that does not know the action overwrites too.
func (o *overwrites) set(name, value string) {
	one := &o.block[len(o.list)]
	one.header.Key, one.header.Value = name, value
	one.option.Header, one.option.KeepEmptyValue = &one.header, true
	one.option.AppendAction = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
	o.list = append(o.list, &one.option)
}

// logged is what Envoy's access log may tell of a decision, as dynamic metadata. It holds no secret, and names nobody of
// another organization than the application's.
func logged(code string, d *gate.Decision) *structpb.Struct {
	fields := make(map[string]*structpb.Value, 4)
	fields["reason"] = structpb.NewStringValue(code)
	if d == nil || d.Application == nil {
		return &structpb.Struct{Fields: fields}
	}
	fields["application"] = structpb.NewStringValue(d.Application.Name())
	if d.Token != nil && d.Token.OrganizationID == d.Application.OrganizationID {
		fields["organization"] = structpb.NewStringValue(d.Token.Organization)
		fields["subject"] = structpb.NewStringValue(strings.ToValidUTF8(d.Token.Subject, "\uFFFD"))
	}
	return &structpb.Struct{Fields: fields}
}

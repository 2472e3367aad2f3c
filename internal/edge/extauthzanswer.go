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
	headers := make([]*corev3.HeaderValueOption, 0, len(a.header))
	for name, values := range a.header {
		headers = append(headers, overwrite(name, strings.Join(values, ", ")))
	}
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codeOf(a.status)), Message: code},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.status)}, Headers: headers, Body: string(a.body),
		}},
		DynamicMetadata: logged(code, d),
	}
}

// permit tells the upstream who calls; anything else that was written is for the client.
func (a *authzAnswer) permit(q *authzQuestion, d *gate.Decision) *authv3.CheckResponse {
	allowed := &authv3.OkHttpResponse{
		Headers:         make([]*corev3.HeaderValueOption, 0, len(identityHeaders)+1),
		HeadersToRemove: q.withheld(d),
	}
	for name, values := range a.header {
		if strings.HasPrefix(name, identityPrefix) {
			allowed.Headers = append(allowed.Headers, overwrite(name, values[0]))
		} else {
			allowed.ResponseHeadersToAdd = append(allowed.ResponseHeadersToAdd, overwrite(name, strings.Join(values, ", ")))
		}
	}
	// One entry, and a true one, as from the gateway: some upstreams believe the first.
	if client := q.request.Address.String(); len(q.header["X-Forwarded-For"]) != 1 || q.header["X-Forwarded-For"][0] != client {
		allowed.Headers = append(allowed.Headers, overwrite("X-Forwarded-For", client))
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: allowed},
		DynamicMetadata: logged(string(d.Reason), d),
	}
}

// overwrite sets a header. An Envoy that does not know the action yet overwrites too.
func overwrite(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD, KeepEmptyValue: true,
	}
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

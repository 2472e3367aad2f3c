package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func issuerView(i admin.Issuer) api.Issuer {
	return api.Issuer{
		ID: i.ID, Slug: i.Slug, Issuer: i.URL, JwksURL: optional(i.JWKSURL), CaCertificates: optional(i.Authorities), Algorithms: i.Algorithms, Audiences: i.Audiences,
		Accept: api.IssuerAccept(i.Accept), MaxTokenAge: value(i.MaxTokenAge), MaxTokenLife: i.MaxTokenLife, Claims: rules(i.Claims), Subject: i.Subject,
		Scopes: i.Scopes, Roles: i.Roles, Ips: orNone(i.IPs), Grants: views(i.Grants, issuerGrantView), Login: issuerLoginView(i.Login), Active: i.Active, Created: i.Created.UTC(), Revision: i.Revision,
	}
}

func issuerLoginView(l *admin.IssuerLogin) *api.IssuerLogin {
	if l == nil {
		return nil
	}
	return &api.IssuerLogin{ClientID: l.ClientID, Scopes: unlessEmpty(l.Scopes), Secured: l.Secured}
}

func issuerGrantView(g admin.IssuerGrant) api.IssuerGrant {
	return api.IssuerGrant{When: rules(g.When), Scopes: unlessEmpty(g.Scopes), Roles: unlessEmpty(g.Roles)}
}

func rules(m map[string]string) *map[string]string {
	if len(m) == 0 {
		return nil
	}
	return &m
}

func unlessEmpty(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func issuerPut(in *api.IssuerPut) admin.IssuerPut {
	put := admin.IssuerPut{
		URL: in.Issuer, JWKSURL: value(in.JwksURL), Authorities: value(in.CaCertificates), Algorithms: value(in.Algorithms), Audiences: in.Audiences, Accept: access.IssuerDoor(value(in.Accept)),
		MaxTokenAge: in.MaxTokenAge, MaxTokenLife: in.MaxTokenLife, Claims: value(in.Claims), Subject: value(in.Subject),
		Scopes: in.Scopes, Roles: value(in.Roles), IPs: value(in.Ips), Active: in.Active == nil || *in.Active,
	}
	if l := in.Login; l != nil {
		put.Login = &admin.IssuerLogin{ClientID: l.ClientID, Secret: l.ClientSecret, Scopes: value(l.Scopes)}
	}
	for _, g := range value(in.Grants) {
		put.Grants = append(put.Grants, admin.IssuerGrant{When: value(g.When), Scopes: value(g.Scopes), Roles: value(g.Roles)})
	}
	return put
}

func (o operations) ListIssuers(ctx context.Context, in api.ListIssuersRequestObject) (api.ListIssuersResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Issuers(ctx, callerOf(ctx), in.Org, page)
	if err != nil {
		return nil, err
	}
	return api.ListIssuers200JSONResponse{Items: views(list.Items, issuerView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetIssuer(ctx context.Context, in api.GetIssuerRequestObject) (api.GetIssuerResponseObject, error) {
	issuer, err := o.h.Admin.Issuer(ctx, callerOf(ctx), in.Org, in.Issuer)
	if err != nil {
		return nil, err
	}
	return api.GetIssuer200JSONResponse{Body: issuerView(issuer), Headers: api.GetIssuer200ResponseHeaders{ETag: etag(issuer.Revision)}}, nil
}

func (o operations) PutIssuer(ctx context.Context, in api.PutIssuerRequestObject) (api.PutIssuerResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if in.Body.Issuer == o.h.Exchange.Issuer {
		return nil, access.New(access.Invalid, "invalid_issuer", "this is the server's own issuer: its passes need no trust from outside").At("/issuer")
	}
	issuer, outcome, err := o.h.Admin.PutIssuer(ctx, callerOf(ctx), in.Org, in.Issuer, issuerPut(in.Body), revision)
	if err != nil {
		return nil, err
	}
	if outcome == admin.Created {
		return api.PutIssuer201JSONResponse{Body: issuerView(issuer), Headers: api.PutIssuer201ResponseHeaders{ETag: etag(issuer.Revision)}}, nil
	}
	return api.PutIssuer200JSONResponse{Body: issuerView(issuer), Headers: api.PutIssuer200ResponseHeaders{ETag: etag(issuer.Revision)}}, nil
}

func (o operations) DeleteIssuer(ctx context.Context, in api.DeleteIssuerRequestObject) (api.DeleteIssuerResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteIssuer(ctx, callerOf(ctx), in.Org, in.Issuer, revision); err != nil {
		return nil, err
	}
	return api.DeleteIssuer204Response{}, nil
}

// TestIssuer tells what would come of a token. That it is refused is an answer, not a failure.
func (o operations) TestIssuer(ctx context.Context, in api.TestIssuerRequestObject) (api.TestIssuerResponseObject, error) {
	issuer, err := o.h.Admin.TestedIssuer(ctx, callerOf(ctx), in.Org, in.Issuer)
	if err != nil {
		return nil, err
	}
	if o.h.Issuers == nil {
		return nil, access.New(access.Unavailable, "issuer_unavailable", "this server does not read tokens of outside issuers")
	}
	t, err := o.h.Issuers.Try(ctx, issuer, in.Body.Token)
	if err != nil {
		known := access.AsError(err)
		if known.Kind == access.Internal {
			return nil, err
		}
		return api.TestIssuer200JSONResponse{Code: &known.Code, Message: &known.Message}, nil
	}
	roles, err := o.h.Admin.RoleNames(ctx, callerOf(ctx), in.Org, t.Authority.Roles)
	if err != nil {
		return nil, err
	}
	scopes, expires := orNone(t.Authority.Scopes.Strings()), t.Authority.NotAfter.UTC()
	return api.TestIssuer200JSONResponse{Accepted: true, Subject: &t.Subject, Scopes: &scopes, Roles: &roles, Expires: &expires}, nil
}

package main

import (
	"context"
	"fmt"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
)

// issuerYAML is an outside issuer's file. It holds no secret: what is trusted is public.
type issuerYAML struct {
	Issuer       string            `yaml:"issuer"`
	JWKSURL      string            `yaml:"jwks_url,omitempty"`
	Authorities  string            `yaml:"ca_certificates,omitempty"`
	Algorithms   []string          `yaml:"algorithms,omitempty"`
	Audiences    []string          `yaml:"audiences"`
	Accept       string            `yaml:"accept,omitempty"`
	MaxTokenAge  int64             `yaml:"max_token_age,omitempty"`
	MaxTokenLife int64             `yaml:"max_token_life,omitempty"`
	Claims       map[string]string `yaml:"claims,omitempty"`
	Subject      string            `yaml:"subject,omitempty"`
	Scopes       []string          `yaml:"scopes"`
	Roles        []string          `yaml:"roles,omitempty"`
	IPs          []string          `yaml:"ips,omitempty"`
	Grants       []issuerGrantYAML `yaml:"grants,omitempty"`
	Login        *issuerLoginYAML  `yaml:"login,omitempty"`
	Inactive     bool              `yaml:"inactive,omitempty"`
}

// issuerLoginYAML is how people log in through an issuer. The client's secret is put
// in by hand at each server, and stays as it is there.
type issuerLoginYAML struct {
	ClientID string   `yaml:"client_id"`
	Scopes   []string `yaml:"scopes,omitempty"`
	secret   *string
}

type issuerGrantYAML struct {
	When   map[string]string `yaml:"when,omitempty"`
	Scopes []string          `yaml:"scopes,omitempty"`
	Roles  []string          `yaml:"roles,omitempty"`
}

func issuerFile(i *api.Issuer) issuerYAML {
	file := issuerYAML{
		Issuer: i.Issuer, JWKSURL: value(i.JwksURL), Authorities: value(i.CaCertificates), Algorithms: i.Algorithms, Audiences: i.Audiences, Accept: string(i.Accept), MaxTokenAge: i.MaxTokenAge,
		MaxTokenLife: value(i.MaxTokenLife), Claims: value(i.Claims), Subject: i.Subject, Scopes: i.Scopes, Roles: i.Roles, IPs: i.Ips, Inactive: !i.Active,
	}
	if i.Login != nil {
		file.Login = &issuerLoginYAML{ClientID: i.Login.ClientID, Scopes: value(i.Login.Scopes)}
	}
	for _, g := range i.Grants {
		file.Grants = append(file.Grants, issuerGrantYAML{value(g.When), value(g.Scopes), value(g.Roles)})
	}
	return file
}

func (f *issuerYAML) put() api.IssuerPut {
	active := !f.Inactive
	put := api.IssuerPut{
		Issuer: f.Issuer, JwksURL: unlessZero(f.JWKSURL), CaCertificates: unlessZero(f.Authorities), Audiences: f.Audiences, Accept: unlessZero(api.IssuerPutAccept(f.Accept)),
		MaxTokenAge: unlessZero(f.MaxTokenAge), MaxTokenLife: unlessZero(f.MaxTokenLife), Subject: unlessZero(f.Subject), Scopes: f.Scopes, Active: &active,
		Algorithms: unlessNone(f.Algorithms), Roles: unlessNone(f.Roles), Ips: unlessNone(f.IPs),
	}
	if f.Login != nil {
		put.Login = &api.IssuerLoginPut{ClientID: f.Login.ClientID, ClientSecret: f.Login.secret, Scopes: unlessNone(f.Login.Scopes)}
	}
	if len(f.Claims) > 0 {
		put.Claims = &f.Claims
	}
	var grants []api.IssuerGrant
	for _, g := range f.Grants {
		grant := api.IssuerGrant{Scopes: unlessNone(g.Scopes), Roles: unlessNone(g.Roles)}
		if len(g.When) > 0 {
			grant.When = &g.When
		}
		grants = append(grants, grant)
	}
	put.Grants = unlessNone(grants)
	return put
}

func unlessNone[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	return &list
}

func listIssuers(ctx context.Context, client *api.Client, org string, limit int) ([]api.Issuer, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.Issuer, *string, error) {
		page, err := daypass.Answer[api.IssuerList](client.ListIssuers(ctx, org, &api.ListIssuersParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

func readIssuers(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	issuers, _, err := listIssuers(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, i := range issuers {
		if texts[i.Slug], err = asYAML(issuerFile(&i)); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func checkIssuer(_, name string, text []byte) ([]byte, error) {
	var file issuerYAML
	if err := strictYAML(text, &file); err != nil {
		return nil, err
	}
	if !access.ValidSlug(name) {
		return nil, fmt.Errorf("%q is no name of an issuer", name)
	}
	return asYAML(file)
}

func writeIssuer(ctx context.Context, e *edit) error {
	var file issuerYAML
	if err := strictYAML(e.after, &file); err != nil {
		return err
	}
	return daypass.Done(e.client.PutIssuer(ctx, e.org, e.name, nil, file.put()))
}

func removeIssuer(ctx context.Context, e *edit) error {
	return daypass.Done(e.client.DeleteIssuer(ctx, e.org, e.name, nil))
}

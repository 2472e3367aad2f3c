package httpapi

import (
	"net/http"

	"github.com/daypass/daypass/api"
)

// route is what is known of an operation before it runs. A test holds the table against openapi.yaml.
type route struct {
	handle       handler    // nil: generated
	plain        bool       // handle is set and needs no part of the path
	body         func() any // what JSON is read into; nil: no body is looked at
	bodyOptional bool
	document     bool     // the body is a resource file, YAML or JSON
	form         bool     // the body may be, or without a type to read JSON into must be, a form
	repeated     []string // fields of the form that may be there several times
	bulk         bool     // the body may be a long list
	query        []string // parameters there are
	open         bool     // no credential is needed
	ownScheme    bool     // handle reads Authorization, which may have another scheme than Bearer
	idempotent   bool     // Idempotency-Key is heeded
	anyOrigin    bool     // any web origin may read the answer
	preflight    string   // the methods of a CORS preflight's route

	// refuse answers with an error in the form that the clients of this door know;
	// nil: a problem (RFC 9457).
	refuse func(w http.ResponseWriter, r *http.Request, err error)
}

func reads[T any]() func() any { return func() any { return new(T) } }

var (
	page      = []string{"limit", "cursor"}
	pagedBy   = func(filters ...string) []string { return append(filters, page...) }
	eventsBy  = pagedBy("action", "object", "actor", "since", "until")
	factsBy   = []string{"since", "limit"}
	usageBy   = pagedBy("since", "until", "bucket", "application", "key", "subject", "outcome", "format")
	inOrg     = "/v1/organizations/{org}"
	ofApp     = inOrg + "/applications/{app}"
	publicGet = route{open: true, anyOrigin: true}
)

func (h *Handler) table() map[string]route {
	return map[string]route{
		"GET /{$}":                   publicGet.by(h.home),
		"GET /openapi.yaml":          publicGet.by(h.document),
		"GET /docs/errors":           publicGet.by(h.errors),
		"GET /livez":                 publicGet.by(h.livez),
		"GET /readyz":                publicGet.by(h.readyz),
		"GET /startupz":              publicGet.by(h.startupz),
		"GET /.well-known/jwks.json": publicGet.by(h.signingKeys),

		"POST /v1/tokens":            {handle: h.exchangeToken, open: true, body: reads[api.ExchangeRequest](), bodyOptional: true},
		"POST /v1/tokens/introspect": {handle: h.introspectToken, body: reads[api.TokenText]()},
		"POST /v1/tokens/revoke":     {open: true, body: reads[api.TokenText]()},
		"POST /v1/tokens/explain":    {handle: h.explainRequest, body: reads[api.ExplainRequest]()},
		"GET /v1/me":                 {},
		"GET " + FeedPath:            {handle: h.feed, query: []string{"after", "wait"}},

		"GET /v1/organizations":  {query: page},
		"POST /v1/organizations": {body: reads[api.OrganizationCreate](), idempotent: true},
		"GET " + inOrg:           {},
		"PATCH " + inOrg:         {body: reads[api.OrganizationUpdate]()},

		"GET " + inOrg + "/users":           {query: page},
		"POST " + inOrg + "/users":          {body: reads[api.UserCreate](), idempotent: true},
		"GET " + inOrg + "/users/{user}":    {},
		"PATCH " + inOrg + "/users/{user}":  {body: reads[api.UserUpdate]()},
		"DELETE " + inOrg + "/users/{user}": {},

		"GET " + inOrg + "/memberships":           {query: page},
		"GET " + inOrg + "/memberships/{user}":    {},
		"PUT " + inOrg + "/memberships/{user}":    {body: reads[api.MembershipPut]()},
		"DELETE " + inOrg + "/memberships/{user}": {},

		"GET " + inOrg + "/roles":           {query: page},
		"GET " + inOrg + "/roles/{role}":    {},
		"PUT " + inOrg + "/roles/{role}":    {body: reads[api.RolePut]()},
		"DELETE " + inOrg + "/roles/{role}": {},

		"GET " + inOrg + "/keys":               {query: pagedBy("user")},
		"POST " + inOrg + "/keys":              {body: reads[api.KeyCreate](), idempotent: true},
		"GET " + inOrg + "/keys/{key}":         {},
		"PATCH " + inOrg + "/keys/{key}":       {body: reads[api.KeyUpdate]()},
		"DELETE " + inOrg + "/keys/{key}":      {},
		"POST " + inOrg + "/keys/{key}/rotate": {body: reads[api.KeyRotate](), bodyOptional: true, idempotent: true},

		"GET " + inOrg + "/keys/{key}/suggestion":                 {query: []string{"days"}},
		"POST " + inOrg + "/keys/{key}/narrow":                    {body: reads[api.KeyNarrow]()},
		"GET " + inOrg + "/applications/{app}/shadow":             {handle: h.getShadow},
		"DELETE " + inOrg + "/applications/{app}/shadow":          {},
		"GET " + inOrg + "/applications/{app}/shadow/differences": {query: factsBy},
		"POST " + inOrg + "/applications/{app}/replay":            {handle: h.replayApplication, document: true, query: factsBy},
		"GET " + inOrg + "/plans":                                 {query: page},
		"GET " + inOrg + "/plans/{plan}":                          {},
		"PUT " + inOrg + "/plans/{plan}":                          {body: reads[api.PlanPut]()},
		"DELETE " + inOrg + "/plans/{plan}":                       {},

		"GET " + inOrg + "/applications":          {query: page},
		"GET " + inOrg + "/applications/{app}":    {handle: h.getApplication},
		"PUT " + inOrg + "/applications/{app}":    {handle: h.putApplication, document: true},
		"PATCH " + inOrg + "/applications/{app}":  {body: reads[api.ApplicationUpdate]()},
		"DELETE " + inOrg + "/applications/{app}": {},

		"GET " + inOrg + "/issuers":                {query: page},
		"GET " + inOrg + "/issuers/{issuer}":       {},
		"PUT " + inOrg + "/issuers/{issuer}":       {body: reads[api.IssuerPut]()},
		"DELETE " + inOrg + "/issuers/{issuer}":    {},
		"POST " + inOrg + "/issuers/{issuer}/test": {body: reads[api.TokenText]()},

		"GET " + ofApp + "/networks":              {query: pagedBy("action", "address")},
		"POST " + ofApp + "/networks":             {body: reads[api.NetworkItems](), bulk: true, idempotent: true},
		"PUT " + ofApp + "/networks":              {body: reads[api.NetworkItems](), bulk: true},
		"DELETE " + ofApp + "/networks/{network}": {},
		"GET /v1/networks":                        {query: pagedBy("address")},
		"POST /v1/networks":                       {body: reads[api.NetworkItems](), bulk: true, idempotent: true},
		"PUT /v1/networks":                        {body: reads[api.NetworkItems](), bulk: true},
		"DELETE /v1/networks/{network}":           {},

		"GET " + inOrg + "/tokens":            {query: pagedBy("user", "key")},
		"GET " + inOrg + "/tokens/{token}":    {},
		"DELETE " + inOrg + "/tokens/{token}": {},
		"GET " + inOrg + "/events":            {query: eventsBy},
		"GET " + inOrg + "/usage":             {handle: h.listUsage, query: usageBy},

		"GET " + oauthMetadataPath: publicGet.by(h.oauthMetadata),
		"POST " + oauthTokenPath:   oauthDoor.by(h.oauthToken),
		"POST /oauth2/introspect":  oauthDoor.by(h.oauthIntrospect),
		"POST /oauth2/revoke":      oauthDoor.by(h.oauthRevoke),
	}
}

func (rt route) by(handle handler) route {
	rt.handle = handle
	return rt
}

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
	page         bool     // a page for people: its script reads the parameters, and the contract of the API does not name it
	answer       bool     // an issuer leads there, with what it has to say in the query
	open         bool     // no credential is needed
	idempotent   bool     // Idempotency-Key is heeded
	anyOrigin    bool     // any web origin may read the answer
	preflight    string   // the methods of a CORS preflight's route
	door         string   // the door that the route belongs to; empty: the native API
	closed       error    // answered instead of the route; nil: it is open
	plainText    bool     // JSON may also come as text/plain

	// credential reads the request's; nil: there may be one, in the native way.
	credential func(r *http.Request) (string, error)
	// read reads the body; nil: strictly into the type of body.
	read func(raw []byte, limit int) (any, error)

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

	publicPage = route{open: true, page: true}
)

func (h *Handler) table() map[string]route {
	table := map[string]route{
		"GET /assets/{file...}":      publicPage.by(h.dashboardAsset),
		"GET /openapi.yaml":          publicGet.by(h.document),
		"GET /docs":                  publicPage.by(h.referencePage),
		"GET /docs/errors":           publicGet.by(h.errors),
		"GET /livez":                 publicGet.by(h.livez),
		"GET /readyz":                publicGet.by(h.readyz),
		"GET /startupz":              publicGet.by(h.startupz),
		"GET /.well-known/jwks.json": publicGet.by(h.signingKeys),

		"POST /auth/token":          {handle: h.logIn, door: DoorAuth, open: true, form: true, body: reads[api.LogIn]()},
		"POST /auth/token/refresh":  {handle: h.refreshToken, door: DoorAuth, open: true, form: true, body: reads[api.Refresh]()},
		"GET /auth/password":        {handle: h.getPasswordPage, door: DoorAuth, open: true, query: []string{"token"}, refuse: h.refuseOnPage},
		"POST /auth/password":       {handle: h.usePasswordLink, door: DoorAuth, open: true, form: true, anyOrigin: true, body: reads[api.PasswordByLink](), refuse: h.refuseOnPage},
		"POST /auth/password/reset": {handle: h.requestPasswordReset, door: DoorAuth, open: true, form: true, body: reads[api.PasswordForgotten]()},

		"POST " + inOrg + "/users/{user}/invitation":           {},
		"POST " + inOrg + "/users/{user}/password-reset":       {},
		"PUT " + inOrg + "/users/{user}/password":              {body: reads[api.PasswordPut]()},
		"GET " + inOrg + "/users/{user}/sessions":              {query: page},
		"DELETE " + inOrg + "/users/{user}/sessions":           {},
		"DELETE " + inOrg + "/users/{user}/sessions/{session}": {},
		"GET " + inOrg + "/attempts":                           {query: []string{"since", "limit"}},

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

		"GET " + inOrg + "/users":           {query: pagedBy("q", "role")},
		"POST " + inOrg + "/users":          {body: reads[api.UserCreate](), idempotent: true},
		"GET " + inOrg + "/users/{user}":    {},
		"PATCH " + inOrg + "/users/{user}":  {body: reads[api.UserUpdate]()},
		"DELETE " + inOrg + "/users/{user}": {},

		"GET " + inOrg + "/memberships":           {query: pagedBy("q", "role")},
		"GET " + inOrg + "/memberships/{user}":    {},
		"PUT " + inOrg + "/memberships/{user}":    {body: reads[api.MembershipPut]()},
		"DELETE " + inOrg + "/memberships/{user}": {},

		"GET " + inOrg + "/roles":           {query: page},
		"GET " + inOrg + "/roles/{role}":    {},
		"PUT " + inOrg + "/roles/{role}":    {body: reads[api.RolePut]()},
		"DELETE " + inOrg + "/roles/{role}": {},

		"GET " + inOrg + "/keys":               {query: pagedBy("user", "q")},
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

		"GET /v1/keyset":                             {},
		"POST /v1/keyset/rotate":                     {body: reads[api.KeysetRotate](), bodyOptional: true},
		"POST /v1/keyset/{id}/retire":                {body: reads[api.KeysetRetire](), bodyOptional: true},
		"POST /v1/keyset/decryption":                 {handle: h.exportDecryption},
		"POST /v1/challenges":                        {open: true, body: reads[api.ChallengeCreate]()},
		"POST /v1/challenges/{challenge}":            {handle: h.answerChallenge, open: true, body: reads[api.ChallengeAnswer]()},
		"GET " + ChallengeSocketPath:                 {handle: h.challengeSocket, open: true, query: []string{"key"}},
		"GET " + inOrg + "/identities":               {query: pagedBy("key")},
		"GET " + inOrg + "/identities/{identity}":    {},
		"PATCH " + inOrg + "/identities/{identity}":  {body: reads[api.IdentityUpdate]()},
		"DELETE " + inOrg + "/identities/{identity}": {},
		"GET " + oauthMetadataPath:                   publicGet.by(h.oauthMetadata),
		"POST " + oauthTokenPath:                     oauthDoor.by(h.oauthToken),
		"POST /oauth2/introspect":                    oauthDoor.by(h.oauthIntrospect),
		"POST /oauth2/revoke":                        oauthDoor.by(h.oauthRevoke),
		"POST /jwt":                                  {handle: h.issueJWT, door: DoorJWT, open: true, body: reads[jwtRequest](), read: readJWT, bodyOptional: true, form: true, credential: noCredential, refuse: refuseJWT},

		"GET /user":                          rokkaDoor.by(h.rokkaUserGet),
		"GET /user/apikeys":                  rokkaDoor.by(h.rokkaKeyList),
		"POST /user/apikeys":                 takes[rokkaKeyCreate](rokkaDoor).by(h.rokkaKeyCreate),
		"GET /user/apikeys/current":          rokkaDoor.by(h.rokkaKeyCurrent),
		"GET /user/apikeys/token":            rokkaDoor.opened().asks("expires_in", "ips", "no_ip_protection", "renewable").by(h.rokkaTokenGet),
		"DELETE /user/apikeys/{key}":         rokkaDoor.by(h.rokkaKeyDelete),
		"POST /users":                        takes[rokkaUserCreate](rokkaDoor).by(h.rokkaUserCreate),
		"GET " + rokkaMembers:                rokkaDoor.asks("cursor").by(h.rokkaMembershipList),
		"POST " + rokkaMembers:               takes[rokkaMembershipCreate](rokkaDoor).by(h.rokkaMembershipCreate),
		"GET " + rokkaMembers + "/{user}":    rokkaDoor.by(h.rokkaMembershipGet),
		"PUT " + rokkaMembers + "/{user}":    takes[rokkaMembershipPut](rokkaDoor).by(h.rokkaMembershipPut),
		"DELETE " + rokkaMembers + "/{user}": rokkaDoor.by(h.rokkaMembershipDelete),

		"POST /v1/device":         {handle: h.startDevice, open: true, body: reads[api.DeviceStart]()},
		"GET /v1/device":          {handle: h.getDevice, query: []string{"user_code"}},
		"POST /v1/device/approve": {handle: h.approveDevice, body: reads[api.DeviceApproval]()},
		"POST /v1/device/deny":    {handle: h.denyDevice, body: reads[api.DeviceCode]()},
		"POST /v1/device/token":   {handle: h.pollDevice, open: true, body: reads[api.DevicePoll]()},

		"POST /v1/passkeys/options":      {handle: h.beginEnrolment},
		"POST /v1/passkeys":              {handle: h.enrolPasskey, body: reads[api.PasskeyEnrol]()},
		"GET /v1/passkeys":               {handle: h.listPasskeys},
		"DELETE /v1/passkeys/{passkey}":  {handle: h.deletePasskey},
		"POST /v1/login/passkey/options": {handle: h.beginPasskeyLogin, open: true},
		"POST /v1/login/passkey":         {handle: h.passkeyLogin, open: true, body: reads[api.PasskeyLogIn]()},

		"GET " + oidcLoginPath + "{issuer}":                {handle: h.beginOIDCLogin, open: true, query: []string{"return_to"}, refuse: h.refuseLogin},
		"GET " + oidcLoginPath + "{org}/{issuer}/callback": route{open: true, page: true, answer: true}.by(h.finishOIDCLogin),

		"GET /v1/login":      {handle: h.getLogin, open: true, query: []string{"organization"}},
		"GET /v1/session":    {handle: h.getSession, open: true},
		"POST /v1/session":   {handle: h.renewSession, open: true},
		"PUT /v1/session":    {handle: h.putSession, body: reads[api.SessionPut](), bodyOptional: true},
		"DELETE /v1/session": {handle: h.deleteSession, query: []string{"everywhere"}},
	}
	for _, pattern := range dashboardPages {
		table[pattern] = publicPage.by(h.dashboardPage)
	}
	return table
}

func (rt route) by(handle handler) route {
	rt.handle = handle
	return rt
}

package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
)

// Doors are sets of routes for clients of other systems. They translate to the native use cases and have no rules of
// their own. Each can be switched off.
const (
	DoorJWT   = "jwt"   // POST /jwt
	DoorRokka = "rokka" // /user…, /users, /organizations…
	DoorAuth  = "auth"  // /auth/token…
)

// Doors lists every door.
func Doors() []string { return []string{DoorJWT, DoorRokka, DoorAuth} }

// withoutStore are the routes that answer where there is no database: those that need nothing but the configuration.
var withoutStore = []string{
	"GET /{$}", "GET /openapi.yaml", "GET /docs/errors", "GET /livez", "GET /readyz", "GET /startupz", "GET /.well-known/jwks.json",
	"POST /jwt", "POST /v1/tokens", "POST /v1/tokens/introspect",
}

var errStateless = access.New(access.NotFound, "stateless_mode",
	"this server runs without a database, from its environment alone: it issues passes and checks them, but has no users, keys or revocations to look at or change")

// closed is what is answered instead of the route; nil: it is open.
func (c *Config) closed(pattern string, rt route) error {
	switch {
	case rt.door != "" && c.Doors != nil && !slices.Contains(c.Doors, rt.door):
		return errNoRoute
	case c.Stateless && !slices.Contains(withoutStore, pattern):
		return errStateless
	}
	return nil
}

// noCredential is for doors whose handler reads the proof, from the body or from an Authorization of its own scheme.
func noCredential(*http.Request) (string, error) { return "", nil }

// bodyOf is the body, or the zero T where there was none.
func bodyOf[T any](c *call) T {
	if in, ok := c.body.(*T); ok {
		return *in
	}
	var none T
	return none
}

// writeJSON answers with exactly application/json.
func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("httpapi: an answer of plain values cannot be written: " + err.Error())
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// refuseJSON answers with an error whose body is the door's own.
func refuseJSON(w http.ResponseWriter, err error, status int, body any) {
	if e := edge.Shown(err); e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", `Bearer realm="daypass"`)
	}
	writeJSON(w, status, body)
}

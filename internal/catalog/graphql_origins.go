package catalog

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// maxGraphQLOrigins is how many origins one resource may name.
const maxGraphQLOrigins = 64

// AdmitsOrigin reports whether pages of an origin, as a browser sends it, may
// open a WebSocket here though they are not of the host itself.
func (g *GraphQL) AdmitsOrigin(origin string) bool {
	return slices.Contains(g.origins, strings.ToLower(origin))
}

// parseOrigin reads an origin (RFC 6454 section 6.1): scheme and host, and the
// port where it is not the scheme's own.
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Contains(u.Host, "*") || s != u.Scheme+"://"+u.Host {
		return "", errors.New("write an origin as browsers send it, as in https://app.example.com, without a path and without '*'")
	}
	return strings.ToLower(s), nil
}

package catalog

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// MaxOrigins is how many web origins a resource file may name.
const MaxOrigins = 100

var originPattern = regexp.MustCompile(`^https?://([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(:[1-9][0-9]{0,4})?$`)

// parseOrigin reads a web origin as a browser writes it (RFC 6454 section 6.2).
func parseOrigin(s string) (string, error) {
	s = strings.ToLower(s)
	if len(s) > 300 || !originPattern.MatchString(s) {
		return "", errors.New("write the origin of a web page: scheme, host and, if it is not the scheme's own, port, as in https://www.example.com")
	}
	if strings.HasPrefix(s, "https:") {
		return strings.TrimSuffix(s, ":443"), nil
	}
	return strings.TrimSuffix(s, ":80"), nil
}

func (r *reader) origins(n *node) []string {
	origins := texts(r, n, MaxOrigins, "origins", parseOrigin)
	slices.Sort(origins)
	return slices.Compact(origins)
}

// NamesOrigin reports whether the resource file names a page's origin, written as
// the page's browser writes it.
func (a *Application) NamesOrigin(origin string) bool {
	origin, err := parseOrigin(origin)
	return err == nil && slices.Contains(a.Document.Origins, origin)
}

// TakesOrigin reports whether a page of this origin may open a WebSocket to the
// host, written as the page's browser writes both: the host's own pages, and
// those of the origins that the resource file names.
func (a *Application) TakesOrigin(origin, host string) bool {
	if a.NamesOrigin(origin) {
		return true
	}
	origin, err := parseOrigin(origin)
	if err != nil {
		return false
	}
	scheme, _, _ := strings.Cut(origin, "://")
	own, err := parseOrigin(scheme + "://" + strings.ToLower(host))
	return err == nil && own == origin
}

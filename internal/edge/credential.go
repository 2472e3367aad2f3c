package edge

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// bearer is the pass that was presented (RFC 6750 section 2.1; RFC 9449 section 7.1), or "" for none. Whatever else stands in Authorization is
// returned as it is: it is no pass, and reading it will say so.
//
// Two credentials are refused, whichever they are: nobody could say whose request it is. A key is no credential at these
// doors, but beside a pass it is a second one.
func bearer(h http.Header) (string, error) {
	values, keys := h["Authorization"], h["Api-Key"]
	if len(values)+len(keys) > 1 {
		return "", access.New(access.Malformed, "two_credentials", "send one credential: a single Authorization header and no Api-Key")
	}
	if len(keys) == 1 {
		return keys[0], nil
	}
	if len(values) == 0 {
		return "", nil
	}
	for _, scheme := range [...]string{"Bearer ", dpopScheme} {
		if v := values[0]; len(v) > len(scheme) && strings.EqualFold(v[:len(scheme)], scheme) {
			return strings.TrimLeft(v[len(scheme):], " "), nil
		}
	}
	return values[0], nil
}

// isKey reports whether a text that is no pass is a key, by its beginning.
func isKey(s string) bool {
	for _, prefix := range []string{"dp_live_", "dp_test_", "dp_ug_", "dps_"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

var errTokenInQuery = access.New(access.Malformed, "token_in_query",
	"credentials do not belong in a URL, where logs and histories keep them; send 'Authorization: Bearer …', and replace this credential")

// checkQuery refuses a credential in the query (RFC 9700 section 4.3.2): the parameter access_token, one of our keys
// under any name, and one of our passes, which isPass tells.
func checkQuery(query string, isPass func(string) bool) error {
	for query != "" {
		var pair string
		if end := strings.IndexAny(query, "&;"); end >= 0 {
			pair, query = query[:end], query[end+1:]
		} else {
			pair, query = query, ""
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if strings.EqualFold(name, "access_token") || isKey(name) || isKey(value) || looksLikePass(value) && isPass(value) {
			return errTokenInQuery
		}
	}
	return nil
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// looksLikePass keeps most values from being read as a pass, which costs a signature.
func looksLikePass(s string) bool {
	return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") >= 2
}

package sign

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Component is one part of a message that a signature covers (RFC 9421, section 2):
// a field by its name in lower case, or a derived one such as "@method".
type Component struct {
	Name string
	// Parameter is which parameter of the query "@query-param" is about, in
	// percent-encoding; else empty.
	Parameter string
}

// derived are the components that are no fields. Those of RFC 9421 that are left out
// say nothing that these do not.
var derived = map[string]bool{
	"@method": true, "@target-uri": true, "@authority": true, "@scheme": true, "@path": true, "@query": true, "@query-param": true, "@status": true,
}

func component(name string, params []parameter) (Component, error) {
	c := Component{Name: name}
	if name == "@query-param" {
		if len(params) != 1 || params[0].name != "name" {
			return c, malformed("@query-param takes a name and nothing else")
		}
		if params[0].kind != isString {
			return c, malformed("the name of @query-param is a string")
		}
		c.Parameter = params[0].text
		return c, nil
	}
	switch {
	case len(params) > 0:
		return c, malformed("components with parameters are not taken here")
	case strings.HasPrefix(name, "@") && !derived[name]:
		return c, malformed("a derived component is not known here")
	case !strings.HasPrefix(name, "@") && !isFieldName(name):
		return c, malformed("a component is no field's name in lower case")
	}
	return c, nil
}

func isFieldName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return name != ""
}

func (c Component) append(b []byte) []byte {
	b = appendString(b, c.Name)
	if c.Name == "@query-param" {
		b = appendString(append(b, ";name="...), c.Parameter)
	}
	return b
}

// Message is what a signature may cover of a request, or of a response.
type Message struct {
	Method    string
	Scheme    string // http or https
	Authority string // host, and port if it is not the scheme's own
	Target    string // path and query, as they stand in the request line
	Header    http.Header
	Status    int // of a response; 0: this is a request
}

// MessageOf is the message of a request that a client is about to send.
func MessageOf(r *http.Request) Message {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	return NewMessage(r.Method, r.URL.Scheme, host, r.URL.RequestURI(), r.Header)
}

// NewMessage is the message of a request as it came in. The authority is brought
// into its normal form (RFC 9421, section 2.2.3).
func NewMessage(method, scheme, authority, target string, h http.Header) Message {
	if method == "" {
		method = http.MethodGet
	}
	return Message{Method: method, Scheme: scheme, Authority: normalAuthority(scheme, authority), Target: target, Header: h}
}

func normalAuthority(scheme, authority string) string {
	authority = strings.ToLower(authority)
	switch scheme {
	case "http":
		authority = strings.TrimSuffix(authority, ":80")
	case "https":
		authority = strings.TrimSuffix(authority, ":443")
	}
	return authority
}

// value appends what the message has for a component; false: it has none.
func (m *Message) value(b []byte, c Component) ([]byte, bool) {
	path, query, _ := strings.Cut(m.Target, "?")
	request := m.Status == 0
	switch c.Name {
	case "@method":
		return append(b, m.Method...), request
	case "@target-uri":
		b = append(append(append(b, m.Scheme...), "://"...), m.Authority...)
		return append(b, m.Target...), request && strings.HasPrefix(m.Target, "/")
	case "@authority":
		return append(b, m.Authority...), request
	case "@scheme":
		return append(b, m.Scheme...), request
	case "@path":
		return append(b, path...), request && strings.HasPrefix(path, "/")
	case "@query":
		return append(append(b, '?'), query...), request
	case "@query-param":
		return queryParameter(b, query, c.Parameter)
	case "@status":
		return strconv.AppendInt(b, int64(m.Status), 10), !request
	}
	return m.field(b, c.Name)
}

// field joins the values of a field (section 2.1).
func (m *Message) field(b []byte, name string) ([]byte, bool) {
	values := m.Header[http.CanonicalHeaderKey(name)]
	for i, v := range values {
		if strings.ContainsAny(v, "\r\n") {
			return b, false
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, strings.Trim(v, " \t")...)
	}
	return b, len(values) > 0
}

// queryParameter is the one value of a parameter, encoded anew (section 2.2.8). One
// that comes twice is refused.
func queryParameter(b []byte, query, name string) ([]byte, bool) {
	found := false
	for _, pair := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if encoded, ok := reencode(key); !ok || encoded != name {
			continue
		}
		encoded, ok := reencode(value)
		if !ok || found {
			return b, false
		}
		b, found = append(b, encoded...), true
	}
	return b, found
}

func reencode(s string) (string, bool) {
	plain, err := url.QueryUnescape(s)
	return strings.ReplaceAll(url.QueryEscape(plain), "+", "%20"), err == nil
}

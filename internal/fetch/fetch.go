package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Limits of one document.
const (
	Timeout  = 5 * time.Second
	MaxBytes = 1 << 20
)

// Errors of [Client.Get] that callers tell apart.
var (
	ErrNotPublic = errors.New("the address is not one of the Internet: it is of this machine, of a private network, or reserved")
	ErrTooLong   = fmt.Errorf("the document is longer than %d bytes", MaxBytes)
)

// StatusError is an answer that is not 200.
type StatusError struct {
	Host   string
	Status int
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s answers with %d", e.Host, e.Status) }

// Client gets documents. The zero Client gets those of the Internet, and follows no
// redirect.
type Client struct {
	// Networks may be reached beside the Internet. Link-local addresses and the
	// metadata services of cloud providers are refused even so.
	Networks access.Networks
	// Private lets every network be reached, of this machine too.
	Private bool
	// HTTP takes http:// everywhere; else only where it leads into Networks.
	HTTP bool
	// Authorities are those that may have signed for an https:// server; nil: those
	// that the machine trusts.
	Authorities *x509.CertPool
	// Redirects is how many are followed. None leads from https to http.
	Redirects int

	Accept    string
	UserAgent string
	// Types are the media types that the document may have, or end in, as "+json"
	// does; none: any.
	Types []string
}

// Document is what was got.
type Document struct {
	Body []byte
	// MaxAge is how long it says that it may be kept; 0: it does not say.
	MaxAge time.Duration
}

// Get gets what is at the address. It must answer with 200. No error repeats the
// address, which may be a redirect's.
func (c *Client) Get(ctx context.Context, address string) (*Document, error) {
	return c.do(ctx, http.MethodGet, address, nil, nil)
}

// PostForm sends a form, with what else belongs into the header, and gets the
// answer, as Get does. It is sent once: never to where a redirect leads.
func (c *Client) PostForm(ctx context.Context, address string, form url.Values, header http.Header) (*Document, error) {
	once := *c
	once.Redirects = 0
	more := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	maps.Copy(more, header)
	return once.do(ctx, http.MethodPost, address, strings.NewReader(form.Encode()), more)
}

func (c *Client) do(ctx context.Context, method, address string, body io.Reader, header http.Header) (*Document, error) {
	to, err := url.Parse(address)
	if err == nil {
		err = CheckURL(to)
	}
	if err != nil {
		return nil, withoutURL(err)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Accept", c.Accept)
	request.Header.Set("User-Agent", c.UserAgent)
	transport := c.transport(to.Scheme == "http")
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, CheckRedirect: c.checkRedirect}).Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &StatusError{to.Host, response.StatusCode}
	}
	if err := c.checkType(response.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	got, err := io.ReadAll(io.LimitReader(response.Body, MaxBytes+1))
	if err != nil {
		return nil, withoutURL(err)
	}
	if len(got) > MaxBytes {
		return nil, ErrTooLong
	}
	return &Document{Body: got, MaxAge: maxAge(response.Header)}, nil
}

// CheckURL refuses what is no absolute web address without a user.
func CheckURL(to *url.URL) error {
	switch {
	case to.Scheme != "http" && to.Scheme != "https" || to.Hostname() == "":
		return errors.New("only http:// and https:// are fetched")
	case to.User != nil:
		return errors.New("an address has no user and password in it")
	}
	return nil
}

// withoutURL leaves the address out of an error.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (c *Client) checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case c.Redirects == 0:
		return http.ErrUseLastResponse
	case len(before) > c.Redirects:
		return fmt.Errorf("more than %d redirects", c.Redirects)
	case next.URL.Scheme == "http" && before[len(before)-1].URL.Scheme == "https":
		return errors.New("a redirect leads from https to http")
	}
	next.Header.Del("Referer")
	return CheckURL(next.URL)
}

func (c *Client) transport(plain bool) *http.Transport {
	dialer := &net.Dialer{Timeout: Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return c.mayDial(to.Addr(), plain)
	}}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: c.Authorities, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    Timeout,
		ResponseHeaderTimeout:  Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// mayDial looks at an address just before it is dialled.
func (c *Client) mayDial(to netip.Addr, plain bool) error {
	within := c.Networks.Contains(access.Reached(to))
	switch {
	case access.IsSpecial(to):
		return ErrNotPublic
	case plain && !c.HTTP && !within:
		return errors.New("http:// is fetched only from networks that were allowed; use https://")
	case within || c.Private || access.IsPublic(to):
		return nil
	}
	return ErrNotPublic
}

func (c *Client) checkType(header string) error {
	if len(c.Types) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(header)
	if err != nil || !slices.ContainsFunc(c.Types, func(t string) bool { return media == t || t[0] == '+' && strings.HasSuffix(media, t) }) {
		return fmt.Errorf("the document is not of type %s", strings.Join(c.Types, " or "))
	}
	return nil
}

// maxAge reads the directive of RFC 9111, section 5.2.2.1.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

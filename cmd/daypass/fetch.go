package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Limits of what is fetched from an address that somebody else may have chosen.
const (
	fetchTimeout   = 5 * time.Second
	maxFetched     = 1 << 20 // bytes
	fetchRedirects = 3
)

var errNotPublic = errors.New("the address is not one of the Internet: it is of this machine, of a private network, or reserved")

// fetcher gets documents. The address that is dialled in the end decides whether it may be, so that neither a name nor a
// redirect can hide it; no proxy and no credential takes part.
type fetcher struct {
	allowPrivate bool
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

func (f *fetcher) get(ctx context.Context, address string) ([]byte, error) {
	to, err := url.Parse(address)
	if err == nil {
		err = checkAddress(to)
	}
	if err != nil {
		return nil, failed("fetch", "the document cannot be fetched: %v", withoutURL(err))
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json, application/yaml, text/yaml;q=0.9, */*;q=0.1")
	request.Header.Set("User-Agent", "daypass/"+versionText())
	transport := f.transport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	response, err := client.Do(request)
	if err != nil {
		return nil, fetchTrouble(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, failed("fetch", "the document cannot be fetched: %s answers with %d", to.Host, response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	if err != nil {
		return nil, fetchTrouble(err)
	}
	if len(data) > maxFetched {
		return nil, failed("fetch", "the document is longer than %d bytes", maxFetched).advising("fetch it yourself, and give the file: files may have 16 MiB")
	}
	return data, nil
}

func fetchTrouble(err error) error {
	t := failed("fetch", "the document cannot be fetched: %v", withoutURL(err))
	if errors.Is(err, errNotPublic) {
		return t.advising("--allow-private fetches it all the same, if the address is yours")
	}
	return t
}

// withoutURL leaves the address out of an error: it may have been a redirect's.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func checkAddress(to *url.URL) error {
	switch {
	case to.Scheme != "http" && to.Scheme != "https" || to.Hostname() == "":
		return errors.New("only http:// and https:// are fetched")
	case to.User != nil:
		return errors.New("an address has no user and password in it")
	}
	return nil
}

func checkRedirect(next *http.Request, before []*http.Request) error {
	if len(before) > fetchRedirects {
		return fmt.Errorf("more than %d redirects", fetchRedirects)
	}
	if next.URL.Scheme == "http" && before[len(before)-1].URL.Scheme == "https" {
		return errors.New("a redirect leads from https to http")
	}
	next.Header.Del("Referer")
	return checkAddress(next.URL)
}

func (f *fetcher) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: fetchTimeout, Control: f.control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    fetchTimeout,
		ResponseHeaderTimeout:  fetchTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// control looks at each address before it is dialled.
func (f *fetcher) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if access.IsSpecial(to.Addr()) || !f.allowPrivate && !access.IsPublic(to.Addr()) {
		return errNotPublic
	}
	return nil
}

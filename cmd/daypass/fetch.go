package main

import (
	"context"
	"errors"
	"strings"

	"github.com/daypass/daypass/internal/fetch"
)

// fetchRedirects is how many are followed for a document to import.
const fetchRedirects = 3

// fetcher gets documents for people at a terminal.
type fetcher struct {
	allowPrivate bool
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

func (f *fetcher) get(ctx context.Context, address string) ([]byte, error) {
	client := fetch.Client{
		Private: f.allowPrivate, HTTP: true, Redirects: fetchRedirects,
		Accept: "application/json, application/yaml, text/yaml;q=0.9, */*;q=0.1", UserAgent: "daypass/" + versionText(),
	}
	document, err := client.Get(ctx, address)
	switch {
	case err == nil:
		return document.Body, nil
	case errors.Is(err, fetch.ErrTooLong):
		return nil, failed("fetch", "%v", err).advising("fetch it yourself, and give the file: files may have 16 MiB")
	}
	trouble := failed("fetch", "the document cannot be fetched: %v", err)
	if errors.Is(err, fetch.ErrNotPublic) {
		return nil, trouble.advising("--allow-private fetches it all the same, if the address is yours")
	}
	return nil, trouble
}

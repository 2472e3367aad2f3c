package admin

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// Limits of what a request may say.
const (
	maxName     = 200 // characters
	maxComment  = 500 // characters
	maxSearch   = 100 // characters
	maxEmail    = 254 // bytes, RFC 5321 section 4.5.3.1.3
	maxScopes   = 100
	maxRoles    = 50
	maxIPs      = 10
	maxKeyLife  = 10 * 365 * 24 * time.Hour
	maxOverlap  = 7 * 24 * time.Hour
	defaultPage = 50
	maxPage     = 200
)

// faults gathers everything that is wrong with a request, so that one answer
// names it all.
type faults struct{ found []*access.Error }

func (f *faults) add(pointer string, err error) {
	if err == nil {
		return
	}
	f.found = append(f.found, access.AsError(err).At(pointer))
}

func (f *faults) invalid(pointer, format string, args ...any) {
	f.add(pointer, access.New(access.Invalid, "invalid_field", fmt.Sprintf(format, args...)))
}

// err is the first fault with the fields of all; one that cannot be read at all
// (400) goes before one that breaks a rule (422).
func (f *faults) err() error {
	if len(f.found) == 0 {
		return nil
	}
	first := f.found[0]
	var fields []access.FieldError
	for _, e := range f.found {
		if first.Kind == access.Invalid && e.Kind == access.Malformed {
			first = e
		}
		fields = append(fields, e.Fields...)
	}
	all := *first
	all.Fields = fields
	return &all
}

// text holds a line that people write: it must stay inert wherever it is shown.
func (f *faults) text(pointer, s string, most int) {
	switch {
	case !utf8.ValidString(s):
		f.invalid(pointer, "write it in UTF-8")
	case utf8.RuneCountInString(s) > most:
		f.invalid(pointer, "use at most %d characters", most)
	case strings.ContainsFunc(s, unprintable):
		f.invalid(pointer, "leave out line breaks and control characters")
	}
}

func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func (f *faults) email(pointer, s string) {
	if s == "" {
		return
	}
	local, domain, _ := strings.Cut(s, "@")
	if len(s) > maxEmail || local == "" || domain == "" || strings.Contains(domain, "@") ||
		!utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unprintable(r) }) {
		f.invalid(pointer, "write an e-mail address with one '@', without blanks, of at most %d bytes", maxEmail)
	}
}

func (f *faults) slug(pointer, s string) {
	if !access.ValidSlug(s) {
		f.invalid(pointer, "a slug has 1 to 63 lower-case letters, digits and inner hyphens")
	}
}

// scopes reads a list of 1 to maxScopes scopes.
func (f *faults) scopes(pointer string, list []string) scope.Set {
	if len(list) == 0 || len(list) > maxScopes {
		f.invalid(pointer, "give 1 to %d scopes", maxScopes)
		return scope.Set{}
	}
	set, err := scope.ParseSet(list)
	if err == nil {
		return set
	}
	var at *scope.ListError
	if errors.As(err, &at) {
		f.add(fmt.Sprintf("%s/%d", pointer, at.Index), access.New(access.Malformed, "invalid_scope", at.Err.Error()))
		return scope.Set{}
	}
	f.add(pointer, access.New(access.Malformed, "invalid_scope", err.Error()))
	return scope.Set{}
}

// roles reads a list of 1 to maxRoles roles, without looking them up.
func (f *faults) roles(pointer string, list []string) []access.RoleRef {
	if len(list) == 0 || len(list) > maxRoles {
		f.invalid(pointer, "give 1 to %d roles", maxRoles)
		return nil
	}
	refs := make([]access.RoleRef, 0, len(list))
	for i, text := range list {
		ref, err := access.ParseRoleRef(text)
		if err == nil && ref.Name == access.AccountManager && ref.Application != "" {
			err = access.New(access.Invalid, "invalid_role", "account_manager is held in the whole organization, not in one application")
		}
		if err != nil {
			f.add(fmt.Sprintf("%s/%d", pointer, i), err)
			continue
		}
		refs = append(refs, ref)
	}
	return refs
}

func (f *faults) networks(pointer string, list []string, mostAddresses int64) access.Networks {
	if len(list) > maxIPs {
		f.invalid(pointer, "give at most %d addresses or networks", maxIPs)
		return access.Networks{}
	}
	for i, text := range list {
		if _, err := access.ParseNetwork(text); err != nil {
			f.add(fmt.Sprintf("%s/%d", pointer, i), err)
		}
	}
	networks, err := access.ParseNetworks(list)
	if err == nil && networks.Size() > mostAddresses {
		f.invalid(pointer, "together they may cover at most %d addresses (IPv6: networks of /64)", mostAddresses)
	}
	return networks
}

// life reads a number of seconds; nil is zero: not given.
func (f *faults) life(pointer string, seconds *int64, most time.Duration) time.Duration {
	if seconds == nil {
		return 0
	}
	if *seconds <= 0 || *seconds > int64(most/time.Second) {
		f.invalid(pointer, "give 1 to %d seconds", int64(most/time.Second))
		return 0
	}
	return time.Duration(*seconds) * time.Second
}

func pageSize(limit, most int) (int, error) {
	switch {
	case limit == 0:
		return defaultPage, nil
	case limit < 0 || limit > most:
		return 0, access.New(access.Invalid, "invalid_field", fmt.Sprintf("ask for 1 to %d items", most)).At("/limit")
	}
	return limit, nil
}

package verify

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/scope"
)

// Claims is the payload of an access token (RFC 9068 and Daypass's own). Dates are seconds since 1970 UTC. What
// [ReadClaims] or a [Verifier] returns must not be changed.
type Claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"` // whom the token speaks for: a user id, or a name that a backend gave
	Audience  Audience `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf,omitzero"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id,omitzero"`
	Scope     string   `json:"scope,omitzero"` // separated by single spaces; see Scopes

	Organization   string   `json:"org,omitzero"` // slug
	OrganizationID string   `json:"oid,omitzero"`
	UserID         string   `json:"uid,omitzero"`
	MembershipID   string   `json:"mid,omitzero"`
	ApplicationIDs []string `json:"aids,omitempty"` // parallel to aud; "" where that is a whole organization
	Roles          []Role   `json:"roles,omitempty"`
	IPs            []string `json:"ips,omitempty"` // addresses and networks; absent: any address

	Life       int64    `json:"expt,omitzero"` // seconds that the first token of the family was granted
	Renewable  bool     `json:"rn"`
	Revision   int64    `json:"rev"` // of the feed, as the issuer had seen it
	KeyID      string   `json:"key,omitzero"`
	KeyVersion int64    `json:"kv,omitzero"`   // version of the key's secret; absent: 1
	Via        string   `json:"via,omitzero"`  // what proved beside or instead of a key: an identity, a session, an outside issuer
	Family     []string `json:"fam,omitempty"` // token ids of the family heads, the own one last; absent: [jti]

	Confirmation *Confirmation `json:"cnf,omitzero"`
	// EncryptionKey is the id of the key that the token is encrypted with, outside of which it is refused; absent: it is not encrypted.
	EncryptionKey string `json:"enk,omitzero"`
	Actor         *Actor `json:"act,omitzero"`

	scopes   scope.Set
	networks []netip.Prefix
	lineage  []string
}

// Role is a role that the subject holds: in an application, in a whole organization (no AppID), or on the platform
// (neither id).
type Role struct {
	RoleName string  `json:"role_name"`
	AccID    *string `json:"accid"` // organization id
	AppID    *string `json:"appid"` // application id
}

// Confirmation binds a token to a key that its sender must prove to have (RFC 7800); JKT is its RFC 7638 thumbprint.
type Confirmation struct {
	JKT string `json:"jkt"`
}

// Actor is who acts for the subject (RFC 8693, 4.1), the latest outermost.
type Actor struct {
	Subject string   `json:"sub"`
	Lineage []string `json:"lin,omitempty"` // whose revocation ends what it does for the subject; see [Claims.Lineage]
	Actor   *Actor   `json:"act,omitzero"`
}

// MaxActors bounds how many act one for the other, and MaxActorLineage how many revocations could end what each does.
const (
	MaxActors       = 4
	MaxActorLineage = 100
)

// sound says whether all have names, and are not too many.
func (a *Actor) sound() bool {
	for n := 0; a != nil; n, a = n+1, a.Actor {
		if n == MaxActors || a.Subject == "" || len(a.Lineage) > MaxActorLineage || slices.Contains(a.Lineage, "") {
			return false
		}
	}
	return true
}

// Audience is the aud claim: in a token one string, or an array when there are several (RFC 7519, 4.1.3).
//
// In Daypass "acme" is every application of the organization acme and "acme/photos" is one of them.
type Audience []string

// Covers says whether a token for this audience is meant for the application (or organization) named want.
func (a Audience) Covers(want string) bool {
	organization, _, _ := strings.Cut(want, "/")
	return slices.Contains(a, want) || slices.Contains(a, organization)
}

// MarshalJSONTo writes a string for one audience, else an array.
func (a Audience) MarshalJSONTo(e *jsontext.Encoder) error {
	if len(a) == 1 {
		return e.WriteToken(jsontext.String(a[0]))
	}
	return json.MarshalEncode(e, []string(a))
}

// UnmarshalJSONFrom reads a string or an array of strings.
func (a *Audience) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		var one string
		err := json.UnmarshalDecode(d, &one)
		*a = Audience{one}
		return err
	}
	var several []string
	if err := json.UnmarshalDecode(d, &several); err != nil {
		return err
	}
	*a = several
	return nil
}

// Limits of claims. A Daypass server keeps to them when it mints.
const (
	MaxFamily = 8 // a token narrowed from a narrowed one, and so on

	maxClaimDepth   = 8
	maxClaimMembers = 4000
	maxDate         = 253402300799 // the last second of the year 9999
	maxLife         = 10 * 366 * 24 * 3600
)

// ReadClaims reads the payload of a verified access token. It asks for iss, sub, aud, exp, iat and jti, for exact types (null only
// inside roles), whole seconds, and values that Daypass could have written; members it does not know may be there.
// It compares nothing: whether time, issuer and audience fit is for the caller. The error is [ErrClaims].
func ReadClaims(payload []byte) (*Claims, error) {
	var c Claims
	limits := strictjson.Limits{Bytes: MaxTokenBytes, Depth: maxClaimDepth, Members: maxClaimMembers}
	if err := strictjson.Unmarshal(payload, &c, limits); err != nil {
		return nil, ErrClaims.causedBy(err)
	}
	if hasNull(payload) {
		return nil, ErrClaims.because("the token has a claim that is null")
	}
	if reason := c.complete(); reason != "" {
		return nil, ErrClaims.because(reason)
	}
	if err := c.parse(); err != nil {
		return nil, err
	}
	return &c, nil
}

// hasNull looks at the claims themselves. To read null as absent would turn "ips": null into no restriction.
func hasNull(payload []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(payload))
	if _, err := d.ReadToken(); err != nil {
		return true
	}
	for d.PeekKind() == '"' {
		if d.SkipValue() != nil || d.PeekKind() == 'n' || d.SkipValue() != nil {
			return true
		}
	}
	return false
}

// complete returns what is wrong with the claims one by one, or "".
func (c *Claims) complete() string {
	switch {
	case c.Issuer == "":
		return "the token has no iss"
	case c.Subject == "":
		return "the token has no sub"
	case len(c.Audience) == 0 || slices.Contains(c.Audience, ""):
		return "the token has no aud"
	case c.ID == "":
		return "the token has no jti"
	case !validDate(c.Expires) || c.Expires == 0:
		return "the token has no exp, or one that is no date"
	case !validDate(c.IssuedAt) || c.IssuedAt == 0:
		return "the token has no iat, or one that is no date"
	case !validDate(c.NotBefore):
		return "the token's nbf is no date"
	case c.Life < 0 || c.Life > maxLife || c.Revision < 0 || c.KeyVersion < 0:
		return "the token has a negative or absurd number"
	case len(c.Family) > MaxFamily || slices.Contains(c.Family, ""):
		return "the token's fam is refused"
	case len(c.ApplicationIDs) > 0 && len(c.ApplicationIDs) != len(c.Audience):
		return "the token's aids do not match its aud"
	case c.IPs != nil && len(c.IPs) == 0:
		return "the token is bound to no address at all"
	case c.Confirmation != nil && c.Confirmation.JKT == "":
		return "the token is bound in a way that is not known here"
	case !c.Actor.sound():
		return "the token's act is refused"
	case slices.ContainsFunc(c.Roles, func(r Role) bool { return r.RoleName == "" }):
		return "the token has a role without a name"
	}
	return ""
}

func validDate(seconds int64) bool { return seconds >= 0 && seconds <= maxDate }

func (c *Claims) parse() error {
	// Many tokens have the same scopes: where claims are kept, they share one text.
	c.Scope = unique.Make(c.Scope).Value()
	var err error
	if c.scopes, err = scope.ParseList(c.Scope); err != nil {
		return ErrClaims.because("the token's scope is not a list of scopes").causedBy(err)
	}
	c.networks = make([]netip.Prefix, len(c.IPs))
	for i, text := range c.IPs {
		if c.networks[i], err = parseNetwork(text); err != nil {
			return ErrClaims.because("the token's ips are not addresses and networks")
		}
	}
	c.lineage = c.lineageOf()
	return nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	return netip.PrefixFrom(addr, addr.BitLen()), err
}

// Scopes returns the scope claim as a set.
func (c *Claims) Scopes() scope.Set { return c.scopes }

// HasScope says whether the token allows one concrete scope, such as photos:read.
func (c *Claims) HasScope(concrete string) bool { return c.scopes.Match(concrete) }

// Lineage lists everything whose revocation ends this token: its organization, user, membership, what proved in a key's place
// (Via), key, the secret of the key ("key_…/2"), the key it is encrypted with, the applications it is bound to or holds a role in, what ends those who act for its
// subject, and the heads of its families. The caller must not
// change it.
func (c *Claims) Lineage() []string { return c.lineage }

func (c *Claims) lineageOf() []string {
	all := []string{c.OrganizationID, c.UserID, c.MembershipID, c.Via, c.KeyID, c.EncryptionKey}
	if c.KeyID != "" {
		all = append(all, c.KeyID+"/"+strconv.FormatInt(max(c.KeyVersion, 1), 10))
	}
	all = append(all, c.ApplicationIDs...)
	for _, r := range c.Roles {
		if r.AppID != nil {
			all = append(all, *r.AppID)
		}
	}
	for a := c.Actor; a != nil; a = a.Actor {
		all = append(all, a.Lineage...)
	}
	if len(c.Family) > 0 {
		all = append(all, c.Family...)
	} else {
		all = append(all, c.ID)
	}
	unique := all[:0]
	for _, subject := range all {
		if subject != "" && !slices.Contains(unique, subject) {
			unique = append(unique, subject)
		}
	}
	return unique
}

// CheckEnvelope refuses a token that came otherwise than it was made: without the encryption that it names, or with any that it does not. kid is
// that of the key which decrypted it, "" if it was not encrypted. So who gets hold of such a key can read tokens with it, and cannot strip them to
// use what is inside after the key was withdrawn. The error is [ErrDecryption].
func (c *Claims) CheckEnvelope(kid string) error {
	if c.EncryptionKey != kid {
		return ErrDecryption
	}
	return nil
}

// AllowsAddress says whether the token may be used from addr. A token without ips may be used from anywhere; one with ips is
// not good for the zero Addr, which stands for "not known". IPv4 written as IPv6 (::ffff:192.0.2.7) is IPv4.
func (c *Claims) AllowsAddress(addr netip.Addr) bool {
	if len(c.IPs) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(c.networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Leeway is how far two clocks may be apart: 30 seconds, everywhere in Daypass.
const Leeway = 30 * time.Second

// CheckTime is the one rule of every door. It returns [ErrExpired] from expires + [Leeway] on, and [ErrNotYet] before notBefore or
// issuedAt − Leeway. A zero notBefore sets no bound.
func CheckTime(now, issuedAt, notBefore, expires time.Time) error {
	if !now.Before(expires.Add(Leeway)) {
		return ErrExpired
	}
	early := now.Add(Leeway)
	if early.Before(issuedAt) || (!notBefore.IsZero() && early.Before(notBefore)) {
		return ErrNotYet
	}
	return nil
}

// CheckTime applies [CheckTime] to the token's iat, nbf and exp.
func (c *Claims) CheckTime(now time.Time) error {
	return CheckTime(now, time.Unix(c.IssuedAt, 0), time.Unix(c.NotBefore, 0), time.Unix(c.Expires, 0))
}

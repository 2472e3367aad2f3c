package gate

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

// Outcome is how one check of a decision went.
type Outcome string

const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	Skipped Outcome = "skipped" // not made: an earlier one failed, or the resource is public
)

// Check is one check of a decision.
type Check struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	// Sentence says what was looked at; empty where the check was not made, and
	// for [Decision.Checks].
	Sentence string `json:"sentence,omitempty"`
}

// checkNames are the checks in the order they are made.
var checkNames = [...]string{
	"view", "application", "address", "rule",
	"pass", "time", "revocation", "binding", "sender", "organization", "audience", "scopes", "roles", "signature",
}

// failedAt is the check each reason to deny belongs to.
var failedAt = map[Reason]int{
	StaleView: 0, NoApplication: 1, AddressDenied: 2, NoRule: 3,
	TokenMissing: 4, TokenInvalid: 4, TokenNotYetValid: 5, TokenExpired: 5, TokenRevoked: 6,
	WrongAddress: 7, SenderKeyMissing: 8, SenderKeyWrong: 8, WrongOrganization: 9, WrongAudience: 10, ScopeMissing: 11, RoleMissing: 12,
	GraphQLUnparsed: 3, FieldUnmapped: 3, FieldRefused: 3, IntrospectionRefused: 3,
	SignatureRequired: 13, SignatureInvalid: 13,
}

// firstOfPass is the first check that a public resource does without.
const firstOfPass = 4

// Checks lists every check in its order with its outcome, without sentences:
// [Explain] has them.
func (d *Decision) Checks() []Check {
	made, failed := failedAt[d.Reason]
	switch d.Reason {
	case Allowed, RateLimited, QuotaExceeded, BodyTooLarge:
		made = len(checkNames)
		if d.Resource != nil && d.Resource.Public {
			made = firstOfPass
		}
	case Public:
		made = firstOfPass
	}
	names := checkNames[:]
	if d.Resource == nil || !d.Resource.Signature { // few resources ask for one
		names = names[:len(names)-1]
	}
	checks := make([]Check, len(names))
	for i, name := range names {
		checks[i] = Check{Name: name, Outcome: Skipped}
		switch {
		case i < made:
			checks[i].Outcome = Pass
		case i == made && failed:
			checks[i].Outcome = Fail
		}
	}
	return checks
}

// Refusal is the decision as an error to answer with, nil if it allows. Its code
// is the reason. The message says what to do and repeats nothing of the request.
func (d *Decision) Refusal() *access.Error {
	if d.Allow {
		return nil
	}
	kind := map[int]access.Kind{401: access.Unauthenticated, 413: access.TooLarge, 429: access.TooMany, 503: access.Unavailable}[d.Status()]
	if kind == access.Internal {
		kind = access.Forbidden
	}
	return access.New(kind, string(d.Reason), d.message())
}

func (d *Decision) message() string {
	switch d.Reason {
	case ScopeMissing:
		return fmt.Sprintf("the pass lacks scope %s%s; ask for one that has it", d.Missing, d.forField())
	case RoleMissing:
		return fmt.Sprintf("the pass lacks role %s%s; ask for one that has it", d.Missing, d.forField())
	case FieldUnmapped, FieldRefused, IntrospectionRefused:
		return fmt.Sprintf(messages[d.Reason], d.fieldName())
	case TokenRevoked:
		return fmt.Sprintf("the pass has been revoked (%s); get a new one", printable(d.Revoked))
	case SenderKeyMissing, SenderKeyWrong:
		return d.senderMessage()
	}
	return messages[d.Reason]
}

var messages = map[Reason]string{
	NoApplication:     "no application is served here; check host and path",
	NoRule:            "no resource allows this method and path; what is not declared is denied",
	TokenMissing:      "a pass is needed; send it as 'Authorization: Bearer …'",
	TokenInvalid:      "this is not a pass that this server issued, or it has been altered; get a new one",
	TokenExpired:      "the pass has expired; renew it or get a new one",
	TokenNotYetValid:  "the pass is not valid yet; wait, or check the clocks",
	WrongAddress:      "the pass may not be used from this address; get one for it",
	WrongOrganization: "the pass is of another organization; get one of this one",
	WrongAudience:     "the pass is not good for this application; get one that names it as audience",
	AddressDenied:     "this address may not call the application",
	RateLimited:       "there were too many requests in a short time; wait as long as Retry-After says",
	QuotaExceeded:     "the quota of this day or month is used up; wait as long as Retry-After says",
	BodyTooLarge:      "the body is longer than the limit of this resource allows",
	GraphQLUnparsed:   "this door was shown no GraphQL operation, and the resource allows nothing else; send one, and through the gateway",
	StaleView:         "it cannot be decided safely now whether this is allowed; try again shortly",
	SignatureRequired: "the request must be signed by the key that the pass comes from (RFC 9421), and sent through the gateway",
	SignatureInvalid:  "the request's signature is not good, or not by the key that the pass comes from; sign each request anew",

	FieldUnmapped:        "no rule says what field %s needs, so it is denied; what is not declared is denied",
	FieldRefused:         "field %s is closed to everybody; leave it out",
	IntrospectionRefused: "introspection is closed here, so field %s is denied; leave it out",
}

// Explanation is a decision in words, for people.
type Explanation struct {
	Allow       bool    `json:"allow"`
	Reason      Reason  `json:"reason"`
	Status      int     `json:"status"`
	Application string  `json:"application,omitempty"` // "acme/photos"
	Resource    string  `json:"resource,omitempty"`    // the match, as it stands in the file
	Line        int     `json:"line,omitempty"`        // of the resource file
	Checks      []Check `json:"checks"`
	// Fix is the smallest change that would allow the request; empty if it is
	// allowed.
	Fix string `json:"fix,omitempty"`
	// Shadow is what would be said if all that is in shadow mode were enforced; nil:
	// nothing is.
	Shadow *ShadowExplanation `json:"shadow,omitempty"`
}

// ShadowExplanation is a verdict that changes no answer.
type ShadowExplanation struct {
	Tried    string `json:"tried"` // as [catalog.Tried] writes it
	Allow    bool   `json:"allow"`
	Reason   Reason `json:"reason"`
	Status   int    `json:"status"`
	Resource string `json:"resource,omitempty"`
	Line     int    `json:"line,omitempty"` // of the file that is tried
	Fix      string `json:"fix,omitempty"`
}

// ExplainShadow explains what [Decision.Tried] returned, of the same request and
// view.
func ExplainShadow(tried catalog.Tried, d *Decision, r *Request, v *View) *ShadowExplanation {
	e := Explain(d, r, v)
	return &ShadowExplanation{
		Tried: tried.String(),
		Allow: e.Allow, Reason: e.Reason, Status: e.Status, Resource: e.Resource, Line: e.Line, Fix: e.Fix,
	}
}

// Explain puts a decision into words: what [Decide] returned for the request on
// the view. It decides nothing itself. It names scopes, roles, networks and
// rules of the application, so it is for those who may know them; a caller at
// the door gets [Decision.Refusal].
func Explain(d *Decision, r *Request, v *View) Explanation {
	e := Explanation{Allow: d.Allow, Reason: d.Reason, Status: d.Status(), Checks: d.Checks()}
	if d.Application != nil {
		e.Application = d.Application.Name()
	}
	if d.Resource != nil {
		e.Resource, e.Line = d.Resource.Match, d.Resource.Line
	}
	x := explainer{d, r, v}
	for i := range e.Checks {
		switch c := &e.Checks[i]; c.Outcome {
		case Pass:
			c.Sentence = x.passed(c.Name)
		case Fail:
			c.Sentence = x.failed()
		}
	}
	if !d.Allow {
		e.Fix = x.fix()
	}
	return e
}

type explainer struct {
	*Decision
	request *Request
	on      *View
}

func (x explainer) passed(check string) string {
	t := x.Token
	switch check {
	case "view":
		return fmt.Sprintf("what is known was confirmed at %s, within the last %s", stamp(x.on.Confirmed), x.on.maxAge())
	case "application":
		return "this is for application " + x.Application.Name()
	case "address":
		if x.Network != nil {
			return fmt.Sprintf("the application's address lists admit %s: %s is allowed%s", x.address(), access.FormatNetwork(x.Network.Network), x.entryTerms())
		}
		return fmt.Sprintf("the application's address lists admit %s", x.address())
	case "rule":
		return x.ruleSentence()
	case "pass":
		if t.ID == "" {
			return fmt.Sprintf("a pass as the key %s gives one now", t.KeyID)
		}
		return fmt.Sprintf("the pass %s is one of ours", t.ID)
	case "time":
		return fmt.Sprintf("it is good until %s", stamp(t.Authority.NotAfter))
	case "revocation":
		return "nothing it descends from has been revoked since it was issued"
	case "binding":
		return x.bindingSentence()
	case "sender":
		return x.senderSentence()
	case "organization":
		return "it is of organization " + t.Organization
	case "audience":
		return fmt.Sprintf("it is good for %s", x.audiences())
	case "scopes":
		return x.scopesSentence()
	case "signature":
		return "the key of the pass signed the request"
	default: // roles
		return x.rolesSentence()
	}
}

func (x explainer) ruleSentence() string {
	s := fmt.Sprintf("the first resource that matches %s is %s (line %d)", x.target(), x.Resource.Match, x.Resource.Line)
	switch {
	case x.Resource.GraphQL != nil:
		s += "; " + x.operationSentence()
	case x.Resource.Public:
		s += "; it is public and needs no pass"
	}
	return s
}

func (x explainer) bindingSentence() string {
	if x.Token.Authority.Everywhere {
		return "it may be used from any address"
	}
	return fmt.Sprintf("it may be used from %s, and %s is among them", list(x.Token.Authority.Networks.Strings()), x.address())
}

func (x explainer) scopesSentence() string {
	var held []string
	for _, n := range x.required() {
		for _, s := range n.scopes {
			held = append(held, n.about()+x.Token.Authority.Scopes.Explain(s.String()).String())
		}
	}
	return joined(held, "; ", "no scope is required")
}

func (x explainer) rolesSentence() string {
	var held []string
	for _, n := range x.required() {
		if len(n.roles) > 0 {
			held = append(held, fmt.Sprintf("%sit holds role %s %s", n.about(), n.roleText, x.where(n.inAccount)))
		}
	}
	return joined(held, "; ", "no role is required")
}

// failed says what was wrong at the check that failed.
func (x explainer) failed() string {
	t := x.Token
	switch x.Reason {
	case StaleView:
		return x.staleSentence()
	case NoApplication:
		if x.request.Application != "" {
			return "there is no active application of the name given"
		}
		return fmt.Sprintf("no application has host %s or a prefix of %s, and none takes what is left", x.host(), x.path())
	case AddressDenied:
		return x.addressSentence()
	case NoRule:
		return fmt.Sprintf("no resource of %s matches %s", x.Application.Name(), x.target())
	case TokenExpired:
		return fmt.Sprintf("it ended at %s", stamp(t.Authority.NotAfter))
	case TokenNotYetValid:
		return fmt.Sprintf("it begins at %s", stamp(x.begins()))
	case TokenRevoked:
		return fmt.Sprintf("it has been revoked: %s", printable(x.Revoked))
	case WrongAddress:
		return fmt.Sprintf("it may only be used from %s, not from %s", list(t.Authority.Networks.Strings()), x.address())
	case WrongOrganization:
		return fmt.Sprintf("it is of organization %s, the application of %s", t.Organization, x.Application.Organization)
	case WrongAudience:
		return fmt.Sprintf("it is good for %s, not for %s", x.audiences(), x.Application.Name())
	case ScopeMissing:
		return x.need().about() + t.Authority.Scopes.Explain(x.Missing).String()
	case RoleMissing:
		n := x.need()
		return fmt.Sprintf("%sit must hold role %s %s; it holds %s", n.about(), x.Missing, x.where(n.inAccount), list(strings.Fields(roleText(t, x.on.Catalog))))
	}
	return x.message()
}

func (x explainer) staleSentence() string {
	if x.on == nil || x.on.Confirmed.IsZero() {
		return "nothing is known yet"
	}
	return fmt.Sprintf("what is known was last confirmed at %s, longer than %s ago", stamp(x.on.Confirmed), x.on.maxAge())
}

func (x explainer) addressSentence() string {
	if x.Network != nil {
		whose := "the application"
		if x.Network.Platform {
			whose = "every application of this server"
		}
		return fmt.Sprintf("%s is denied to %s%s, and holds %s", access.FormatNetwork(x.Network.Network), whose, x.entryTerms(), x.address())
	}
	if p, denied := x.deniedBy(); denied {
		return fmt.Sprintf("deny_networks has %s, which holds %s", access.FormatNetwork(p), x.address())
	}
	if x.Application.Document.AllowNetworks.IsEmpty() {
		return "the caller's address is not known, and the application has deny_networks"
	}
	return fmt.Sprintf("allow_networks does not hold %s", x.address())
}

// entryTerms tells until when an entry counts, and why it was made.
func (x explainer) entryTerms() string {
	terms := ""
	if !x.Network.Expires.IsZero() {
		terms = " until " + stamp(x.Network.Expires)
	}
	if x.Network.Reason != "" {
		terms += " (" + x.Network.Reason + ")" // held to one line when it was put
	}
	return terms
}

func (x explainer) deniedBy() (netip.Prefix, bool) {
	addr := x.request.Address.Unmap().WithZone("")
	for _, p := range x.Application.Document.DenyNetworks.Prefixes() {
		if p.Contains(addr) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// fix is the smallest change that would allow the request.
func (x explainer) fix() string {
	switch x.Reason {
	case StaleView:
		return "wait until the server has reached its database again; /readyz tells"
	case NoApplication:
		return x.applicationFix()
	case AddressDenied:
		return x.addressFix()
	case NoRule:
		return x.ruleFix()
	case GraphQLUnparsed, FieldUnmapped, FieldRefused, IntrospectionRefused:
		return x.fieldFix()
	case SenderKeyMissing, SenderKeyWrong:
		return x.senderFix()
	case TokenInvalid:
		return "ask for a new pass" + x.needs()
	case TokenMissing:
		return "ask for a pass" + x.needs() + " and send it as 'Authorization: Bearer …'"
	case TokenExpired:
		return "renew the pass before it ends, or ask for a new one"
	case TokenNotYetValid:
		return fmt.Sprintf("wait until %s, or set the clocks right", stamp(x.begins()))
	case TokenRevoked:
		return "ask for a new pass with a key that is still good"
	case WrongAddress:
		return fmt.Sprintf("call from %s, or ask for a pass with ips %s", oneOf(x.Token.Authority.Networks.Strings()), x.address())
	case WrongOrganization:
		return "ask for a pass with a key of organization " + x.Application.Organization
	case RateLimited, QuotaExceeded, BodyTooLarge:
		return "wait, send less, or have the limit raised"
	case WrongAudience:
		return "ask for a pass with audience " + x.Application.Name()
	case SignatureRequired, SignatureInvalid:
		return "sign the request with the secret of the key that the pass comes from, and send it through the gateway"
	}
	return "ask for a pass" + x.needs()
}

func (x explainer) applicationFix() string {
	if x.request.Application != "" {
		return "create the application, or correct the name in the proxy's configuration"
	}
	return fmt.Sprintf("add %s to the hosts of an application", x.host())
}

func (x explainer) addressFix() string {
	if x.Network != nil {
		return x.entryFix()
	}
	if p, denied := x.deniedBy(); denied {
		return fmt.Sprintf("take %s out of deny_networks, or call from elsewhere", access.FormatNetwork(p))
	}
	if allowed := x.Application.Document.AllowNetworks; !allowed.IsEmpty() {
		return fmt.Sprintf("call from %s, or add %s to allow_networks", oneOf(allowed.Strings()), x.address())
	}
	return "call over TCP, so that the address is known"
}

func (x explainer) entryFix() string {
	list, wait := "the application's list of networks", ""
	if x.Network.Platform {
		list = "the server's list of networks"
	}
	if !x.Network.Expires.IsZero() {
		wait = ", wait until " + stamp(x.Network.Expires)
	}
	return fmt.Sprintf("take %s off %s%s, or call from elsewhere", access.FormatNetwork(x.Network.Network), list, wait)
}

func (x explainer) ruleFix() string {
	if near := x.Application.Nearest(x.request.Path); near != nil {
		return fmt.Sprintf("add a rule for %s %s: line %d has that path with other methods", x.method(), near.Path(), near.Line)
	}
	return "add a rule for " + x.target()
}

// needs is what a pass must have that this one, or none, lacks.
func (x explainer) needs() string {
	var held access.Authority
	if x.Token != nil {
		held = x.Token.Authority
	}
	var scopes, parts []string
	for _, n := range x.required() {
		for _, s := range n.scopes {
			if text := s.String(); !held.Scopes.Covers(s) && !slices.Contains(scopes, text) {
				scopes = append(scopes, text)
			}
		}
	}
	if len(scopes) > 0 {
		parts = append(parts, plural("scope", len(scopes))+" "+strings.Join(scopes, " "))
	}
	for _, n := range x.required() {
		if len(n.roles) > 0 && !holdsRole(held.Roles, n.roles, n.inAccount, x.Application) {
			if part := "role " + n.roleText + " " + x.where(n.inAccount); !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " with " + strings.Join(parts, " and ")
}

func (x explainer) where(inAccount bool) string {
	if inAccount {
		return "anywhere in organization " + x.Application.Organization
	}
	return "in " + x.Application.Name() + " or all of " + x.Application.Organization
}

func (x explainer) audiences() string {
	var names []string
	for _, a := range x.Token.Authority.Audiences {
		names = append(names, a.String())
	}
	return list(names)
}

// begins is from when the token counts: the later of iat and nbf.
func (x explainer) begins() time.Time {
	if x.Token.IssuedAt.After(x.Token.NotBefore) {
		return x.Token.IssuedAt
	}
	return x.Token.NotBefore
}

func (x explainer) address() string {
	if !x.request.Address.IsValid() {
		return "an unknown address"
	}
	return x.request.Address.Unmap().WithZone("").String()
}

func (x explainer) target() string { return x.method() + " " + x.path() }

var methodPattern = regexp.MustCompile(`^[!#$%&'*+.^_|~0-9A-Za-z-]{1,32}$`)

func (x explainer) method() string {
	if !methodPattern.MatchString(x.request.Method) {
		return "this method"
	}
	return x.request.Method
}

func (x explainer) path() string {
	if p := x.request.Path.String(); p != "" {
		return printable(p)
	}
	return "this path"
}

func (x explainer) host() string {
	if x.request.Host == "" {
		return "this host"
	}
	return printable(x.request.Host)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// printable makes foreign text fit for a sentence: short, one line, ASCII.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func list(items []string) string { return joined(items, ", ", "nothing") }

func oneOf(items []string) string { return joined(items, " or ", "nowhere") }

// joined lists at most a dozen items.
func joined(items []string, separator, empty string) string {
	const most = 12
	switch {
	case len(items) == 0:
		return empty
	case len(items) > most:
		return strings.Join(items[:most], separator) + fmt.Sprintf("%sand %d more", separator, len(items)-most)
	}
	return strings.Join(items, separator)
}

package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
)

// writeDenial answers a request that the gate or a limit denied: 401 with a Bearer challenge, 403, 413, 429, or 503.
func writeDenial(w http.ResponseWriter, r *http.Request, d *gate.Decision, bearer string) {
	status, detail := d.Status(), denialDetail(d, bearer)
	switch {
	case status == http.StatusUnauthorized:
		w.Header().Set("Www-Authenticate", challengeOf(d, detail))
	case d.Reason == gate.ScopeMissing:
		w.Header().Set("Www-Authenticate", scopeChallenge(d.SendersOnly(), neededScopes(d)))
	case status == http.StatusTooManyRequests && d.Limited != nil:
		w.Header().Set("Retry-After", strconv.FormatInt(meter.Seconds(d.Limited.Wait), 10))
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	tellLimits(w.Header(), d)
	if isGraphQL(d) {
		writeGraphQL(w, r, status, graphqlDenial(d, bearer), 1)
		return
	}
	writeProblem(w, r, Problem{Status: status, Code: string(d.Reason), Detail: detail})
}

// neededScopes are those of the rule (RFC 6750, section 3): with the one alone that is missing, the next pass might lack
// another. Of a GraphQL request, they are the field's that was refused, one by one.
func neededScopes(d *gate.Decision) string {
	if d.Field != "" || d.Resource == nil {
		return d.Missing
	}
	texts := make([]string, len(d.Resource.Scopes))
	for i, s := range d.Resource.Scopes {
		texts[i] = s.String()
	}
	return strings.Join(texts, " ")
}

var denialDetails = map[gate.Reason]string{
	gate.NoApplication:     "no application is served under this host and path",
	gate.NoRule:            "no rule of the application matches this method and path, and what no rule allows is denied",
	gate.TokenMissing:      "this needs a pass: send it as 'Authorization: Bearer ...'",
	gate.TokenInvalid:      "this is not a pass that can be used here; get a new one",
	gate.TokenExpired:      "the pass has expired; renew it or get a new one",
	gate.TokenNotYetValid:  "the pass is not valid yet; check the clocks",
	gate.TokenRevoked:      "the pass has been revoked; get a new one",
	gate.WrongAddress:      "the pass may not be used from this address; get one here",
	gate.WrongOrganization: "the pass belongs to another organization",
	gate.WrongAudience:     "the pass is for another application",
	gate.AddressDenied:     "the application does not accept calls from this address",
	gate.RateLimited:       "there were too many requests in a short time; wait as long as Retry-After says",
	gate.QuotaExceeded:     "the quota of this day or month is used up; wait as long as Retry-After says",
	gate.StaleView:         "it cannot be decided safely now whether this is allowed; try again shortly",

	gate.GraphQLUnparsed:      "this is not a GraphQL request that can be judged",
	gate.FieldUnmapped:        "the API's rules do not say who may ask for this field, and what no rule allows is denied",
	gate.FieldRefused:         "nobody may ask for this field here",
	gate.IntrospectionRefused: "the API's schema is not told here",

	gate.SignatureRequired: "the request must be signed by the key that the pass comes from (RFC 9421)",
	gate.SignatureInvalid:  "the request's signature is not good",
}

func denialDetail(d *gate.Decision, bearer string) string {
	switch {
	case d.Reason == gate.ScopeMissing:
		return fmt.Sprintf("the pass lacks scope %q%s", d.Missing, forField(d))
	case d.Reason == gate.RoleMissing:
		return fmt.Sprintf("the pass does not hold the role that is needed here: %s%s", d.Missing, forField(d))
	case d.Reason == gate.BodyTooLarge:
		a, _ := allowanceOf(d, netip.Addr{})
		return fmt.Sprintf("the body may have at most %d bytes", a.body())
	case d.Reason == gate.TokenRevoked && d.Revoked != "":
		return fmt.Sprintf("the pass has been revoked (%s); get a new one", d.Revoked)
	case d.Reason == gate.SenderKeyMissing || d.Reason == gate.SenderKeyWrong:
		return d.Refusal().Message
	case d.Reason == gate.SignatureInvalid && d.Fault != "":
		return d.Fault
	case d.Reason == gate.TokenInvalid && isKey(bearer):
		return "this is a key, and only passes are accepted here: exchange it at POST /v1/tokens"
	}
	return denialDetails[d.Reason]
}

// forField names the GraphQL field that a denial is about.
func forField(d *gate.Decision) string {
	if d.Field == "" {
		return ""
	}
	return fmt.Sprintf(", which field %s needs", fieldName(d))
}

// fieldName is the field of a denial, cut to a length fit for showing: its name is the client's to choose.
func fieldName(d *gate.Decision) string {
	const most = 100
	if len(d.Field) > most {
		return d.Field[:most] + "..."
	}
	return d.Field
}

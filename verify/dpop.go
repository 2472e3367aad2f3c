package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
)

// TypDPoP is the typ of a proof of possession (RFC 9449, section 4.2).
const TypDPoP = "dpop+jwt"

// DPoPScheme is the Authorization scheme of a token that is bound to its sender's key (RFC 9449, section 7.1).
const DPoPScheme = "DPoP"

// DPoPAge is how old a proof may be, beside the [Leeway] that both clocks are granted. A proof is worthless
// [DPoPAge] + [Leeway] after its iat, and so need not be remembered for longer.
const DPoPAge = time.Minute

const (
	maxDPoPID    = 256
	maxDPoPNonce = 256
	maxDPoPURL   = 4096
)

// dpopAlgorithms may sign proofs. Each key, embedded in its proof, serves those of its own kty and crv alone.
var dpopAlgorithms = []string{"ES256", "EdDSA", "Ed25519", "RS256", "PS256"}

// DPoPAlgorithms lists what may sign a proof, as the metadata dpop_signing_alg_values_supported and the parameter algs of a
// challenge name it. EdDSA and Ed25519 (RFC 9864) are the same.
func DPoPAlgorithms() []string { return slices.Clone(dpopAlgorithms) }

// DPoPRequest is the request that a proof must be for.
type DPoPRequest struct {
	Method string
	URL    string // absolute, as the client asked for it; query and fragment do not count
	Alias  string // what the same is called elsewhere; empty: nothing

	// AccessToken is the token presented with the proof, which must then carry its hash in ath. Empty: none is; a
	// proof with an ath is refused, since it was made to go with one.
	AccessToken string
	// AnyToken lets a proof go without ath although there is an AccessToken: one that is not bound yet.
	AnyToken bool

	// Nonce says whether a nonce is one that this server handed out lately. Nil: no nonce is asked for, and one that is
	// there means nothing.
	Nonce func(nonce string) bool
}

// DPoPProof is a proof that was found good, but for having been used before: that is for the caller to know, by
// Thumbprint and ID together.
type DPoPProof struct {
	Thumbprint string // of its key (RFC 7638), as in cnf.jkt
	ID         string // jti, 1 to 256 bytes
	IssuedAt   time.Time
	Until      time.Time // it is worthless from then on
}

// The refusals of a proof. All but one have the code of RFC 9449; the message says what is wrong.
var (
	ErrDPoP      = unauthenticated("invalid_dpop_proof", "the DPoP proof is refused")
	ErrDPoPNonce = unauthenticated("use_dpop_nonce", "the DPoP proof must carry the nonce that the header DPoP-Nonce of this answer has")
)

// DPoPHeader is the one proof of a request; empty, where there is none. [ErrDPoP] where there are several.
func DPoPHeader(h http.Header) (string, error) {
	switch values := h["Dpop"]; {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", ErrDPoP.because("send one DPoP header, not several")
	case values[0] == "":
		return "", ErrDPoP.because("the DPoP header is empty")
	default:
		return values[0], nil
	}
}

type dpopHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"` // says nothing: the key is in jwk
	Key       *jwk   `json:"jwk"`

	Rest jsontext.Value `json:",embed"` // the jwk may have members that mean nothing, the header may not
}

type dpopClaims struct {
	ID        string  `json:"jti"`
	Method    string  `json:"htm"`
	URL       string  `json:"htu"`
	IssuedAt  *int64  `json:"iat"`
	NotBefore *int64  `json:"nbf"`
	Expires   *int64  `json:"exp"`
	TokenHash *string `json:"ath"`
	Nonce     *string `json:"nonce"`
}

var (
	dpopHeaderLimits = strictjson.Limits{Bytes: MaxTokenBytes, Depth: 3, Members: 32}
	dpopClaimLimits  = strictjson.Limits{Bytes: MaxTokenBytes, Depth: 4, Members: 32}
)

// ReadDPoP checks a proof of possession (RFC 9449, section 4.3) for a request at the time now. Everything but its single
// use is checked here. Errors are [ErrDPoP] and [ErrDPoPNonce].
//
// The header may hold typ, alg, jwk and kid; the jwk may hold no private member and must be sound as in [ParseKeySet]. The
// alg is one of [DPoPAlgorithms] and fits the key. Method and access token are compared exactly, URLs after
// normalisation (RFC 3986, section 6.2.2 and 6.2.3).
func ReadDPoP(proof string, want DPoPRequest, now time.Time) (*DPoPProof, error) {
	p, err := parseDPoP(proof)
	if err != nil {
		return nil, err
	}
	// What costs little is looked at before the signature.
	if err := p.claims.fits(want, now); err != nil {
		return nil, err
	}
	if !p.key.algorithm.check(p.key.algorithm, p.key.public, p.signed, p.signature) {
		return nil, ErrDPoP.because("the DPoP proof's signature is wrong")
	}
	if p.unseen {
		proofKeys.put(strings.Clone(p.header), p.key)
	}
	made := time.Unix(*p.claims.IssuedAt, 0)
	return &DPoPProof{Thumbprint: p.key.thumbprint, ID: p.claims.ID, IssuedAt: made, Until: made.Add(DPoPAge + Leeway)}, nil
}

// dpopText is a proof that was read, and not checked.
type dpopText struct {
	header            string // in base64url
	key               *proofKey
	unseen            bool // no good proof had this header before
	claims            dpopClaims
	signed, signature []byte
}

func parseDPoP(proof string) (*dpopText, error) {
	if len(proof) > MaxTokenBytes {
		return nil, ErrDPoP.because("the DPoP proof is longer than 8192 bytes")
	}
	header, rest, _ := strings.Cut(proof, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	if header == "" || claims == "" || signature == "" || strings.Contains(signature, ".") {
		return nil, ErrDPoP.because("the DPoP proof has not exactly three parts")
	}
	p := &dpopText{header: header, signed: []byte(proof[:len(header)+1+len(claims)])}
	rawClaims, ok := decode(claims)
	if !ok {
		return nil, errDPoPEncoding
	}
	if p.signature, ok = decode(signature); !ok {
		return nil, errDPoPEncoding
	}
	if p.key = proofKeys.get(header); p.key == nil {
		var err error
		if p.key, err = readDPoPHeader(header); err != nil {
			return nil, err
		}
		p.unseen = true
	}
	if err := strictjson.Unmarshal(rawClaims, &p.claims, dpopClaimLimits); err != nil {
		return nil, ErrDPoP.because("the DPoP proof's claims are refused").causedBy(err)
	}
	return p, nil
}

var errDPoPEncoding = ErrDPoP.because("the DPoP proof is not base64url")

func readDPoPHeader(text string) (*proofKey, error) {
	raw, ok := decode(text)
	if !ok {
		return nil, errDPoPEncoding
	}
	var head dpopHeader
	if err := strictjson.Unmarshal(raw, &head, dpopHeaderLimits); err != nil {
		return nil, ErrDPoP.because("the DPoP proof's header is refused").causedBy(err)
	}
	key, err := head.read()
	if err != nil {
		return nil, err
	}
	print, err := head.Key.thumbprint()
	if err != nil {
		return nil, ErrDPoP.causedBy(err)
	}
	return &proofKey{verificationKey: key, thumbprint: print}, nil
}

// read takes the key from the header, with the one algorithm that the header names.
func (h *dpopHeader) read() (key verificationKey, err error) {
	switch {
	case len(h.Rest) > 0:
		return key, ErrDPoP.because("the DPoP proof's header has typ, alg and jwk, may have kid, and nothing else")
	case h.Type != TypDPoP:
		return key, ErrDPoP.because("the DPoP proof's typ is not " + TypDPoP)
	case !slices.Contains(dpopAlgorithms, h.Algorithm):
		return key, ErrDPoP.because("the DPoP proof's alg is none of " + strings.Join(dpopAlgorithms, ", "))
	case h.Key == nil:
		return key, ErrDPoP.because("the DPoP proof's header has no jwk")
	}
	k := h.Key
	name := h.Algorithm
	if name == "Ed25519" {
		name = "EdDSA"
	}
	a := algorithms[name]
	switch {
	case k.Kty != a.kty,
		k.Alg != "" && k.Alg != h.Algorithm && k.Alg != name,
		k.Use != "" && k.Use != "sig",
		k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify"):
		return key, ErrDPoP.because("the DPoP proof's alg does not fit its jwk")
	}
	k.KeyOps = nil // it may verify, and whatever else
	public, err := publicKey(k, a)
	if err != nil {
		return key, ErrDPoP.because("the DPoP proof's jwk is refused: " + err.Error())
	}
	return verificationKey{name: name, algorithm: a, public: public}, nil
}

// fits holds the claims against the request.
func (c *dpopClaims) fits(want DPoPRequest, now time.Time) error {
	switch {
	case c.ID == "" || len(c.ID) > maxDPoPID:
		return ErrDPoP.because("the DPoP proof's jti must have 1 to 256 bytes")
	case c.Method == "" || c.Method != want.Method:
		return ErrDPoP.because("the DPoP proof's htm is not the method of this request")
	case !sameTarget(c.URL, want.URL) && (want.Alias == "" || !sameTarget(c.URL, want.Alias)):
		return ErrDPoP.because("the DPoP proof's htu is not the address of this request")
	}
	if err := c.timely(now); err != nil {
		return err
	}
	if err := c.goesWith(want); err != nil {
		return err
	}
	switch {
	case want.Nonce == nil:
		return nil
	case c.Nonce == nil || len(*c.Nonce) > maxDPoPNonce || !want.Nonce(*c.Nonce):
		return ErrDPoPNonce
	}
	return nil
}

func (c *dpopClaims) timely(now time.Time) error {
	if c.IssuedAt == nil || !validDate(*c.IssuedAt) {
		return ErrDPoP.because("the DPoP proof's iat must be there, in whole seconds")
	}
	made := time.Unix(*c.IssuedAt, 0)
	switch {
	case !now.Before(made.Add(DPoPAge + Leeway)):
		return ErrDPoP.because("the DPoP proof is too old; make one for each request, and check the clocks")
	case made.After(now.Add(Leeway)):
		return ErrDPoP.because("the DPoP proof's iat lies in the future; check the clocks")
	case c.NotBefore != nil && (!validDate(*c.NotBefore) || time.Unix(*c.NotBefore, 0).After(now.Add(Leeway))):
		return ErrDPoP.because("the DPoP proof is not valid yet")
	case c.Expires != nil && (!validDate(*c.Expires) || !now.Before(time.Unix(*c.Expires, 0).Add(Leeway))):
		return ErrDPoP.because("the DPoP proof has expired")
	}
	return nil
}

// goesWith compares ath with the token that was presented.
func (c *dpopClaims) goesWith(want DPoPRequest) error {
	switch {
	case c.TokenHash == nil && (want.AccessToken == "" || want.AnyToken):
		return nil
	case c.TokenHash == nil:
		return ErrDPoP.because("the DPoP proof lacks ath, the hash of the token that it goes with")
	case want.AccessToken == "":
		return ErrDPoP.because("the DPoP proof has an ath, but no token is presented with it")
	}
	sum := sha256.Sum256([]byte(want.AccessToken))
	if subtle.ConstantTimeCompare([]byte(*c.TokenHash), []byte(strictBase64.EncodeToString(sum[:]))) != 1 {
		return ErrDPoP.because("the DPoP proof's ath is the hash of another token")
	}
	return nil
}

// sameTarget compares two URLs without query and fragment.
func sameTarget(claimed, asked string) bool {
	if claimed == "" || len(claimed) > maxDPoPURL {
		return false
	}
	if claimed == asked && strings.HasPrefix(claimed, "http") {
		return true // as it mostly is; what was asked for is known to be a URL
	}
	a, ok := normalTarget(claimed)
	if !ok {
		return false
	}
	b, ok := normalTarget(asked)
	return ok && a == b
}

// normalTarget normalises by case, percent-encoding, path segments and scheme (RFC 3986, 6.2.2 and 6.2.3).
func normalTarget(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	host, port := strings.ToLower(u.Host), ""
	switch u.Scheme { // url.Parse made it lower case
	case "http":
		port = ":80"
	case "https":
		port = ":443"
	default:
		return "", false
	}
	host = strings.TrimSuffix(strings.TrimSuffix(host, port), ":")
	return u.Scheme + "://" + host + withoutDots(normalEscapes(u.EscapedPath())), true
}

// normalEscapes writes unreserved characters as they are, and escapes in upper case.
func normalEscapes(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		if c := unhex(path[i+1])<<4 | unhex(path[i+2]); isUnreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// unhex reads a digit that url.Parse has found to be one.
func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// withoutDots removes dot segments (RFC 3986, section 5.2.4) and nothing else.
func withoutDots(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "..":
			out = out[:max(len(out)-1, 0)]
		case s != ".":
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

package gate

import "github.com/daypass/daypass/internal/access"

// checkSender holds the key that the pass is bound to against the one that the
// sender proved to hold for this request: a stolen copy of the pass proves none
// (RFC 9449 section 7.1). It also refuses a pass that is not bound where one must be.
func (d *Decision) checkSender(r *Request) Reason {
	bound := d.Token.Authority.Confirmation
	switch {
	case r.Disproof != nil:
		d.Disproof = r.Disproof
		return SenderKeyWrong
	case d.lacksSenderKey(), bound != "" && r.Confirmation == "":
		return SenderKeyMissing
	case bound != "" && bound != r.Confirmation:
		return SenderKeyWrong
	}
	return ""
}

// lacksSenderKey reports whether the resource takes bound passes only, and this is
// none.
func (d *Decision) lacksSenderKey() bool {
	return d.Resource != nil && d.Resource.SenderKey && d.Token != nil && d.Token.Authority.Confirmation == ""
}

// isBound reports whether the pass that was judged is bound to a sender's key.
func (d *Decision) isBound() bool { return d.Token != nil && d.Token.Authority.Confirmation != "" }

// SendersOnly reports whether what stands in the way is asked for with proofs of
// possession: the pass is bound, or has to be.
func (d *Decision) SendersOnly() bool {
	return d.isBound() || d.Reason == SenderKeyWrong || d.Resource != nil && d.Resource.SenderKey
}

// senderMessage tells the sender what is wrong.
func (d *Decision) senderMessage() string {
	switch {
	case d.Disproof != nil:
		return access.AsError(d.Disproof).Message
	case d.Reason == SenderKeyWrong:
		return "the DPoP proof is signed with another key than the one that the pass is bound to"
	case d.isBound():
		return "the pass is bound to its sender's key: send it as 'Authorization: DPoP …' with a DPoP header that proves the key"
	}
	return "only passes that are bound to their sender's key are accepted here; exchange for one with a DPoP header"
}

// senderFix is the smallest change that would do.
func (x explainer) senderFix() string {
	switch {
	case x.Reason == SenderKeyWrong && !x.isBound():
		return "send the pass, which is not bound to a key, as 'Authorization: Bearer …'"
	case x.Reason == SenderKeyWrong:
		return "sign a new proof with the key that the pass is bound to, whose thumbprint is " + printable(x.Token.Authority.Confirmation)
	case x.isBound():
		return "send the pass as 'Authorization: DPoP …', with a DPoP header signed by the key whose thumbprint is " + printable(x.Token.Authority.Confirmation)
	}
	return "ask for a pass with a DPoP header at POST /v1/tokens" + x.needs()
}

func (x explainer) senderSentence() string {
	if x.isBound() {
		return "it is bound to a sender's key, which was proved: " + printable(x.Token.Authority.Confirmation)
	}
	return "it is not bound to a sender's key, and need not be"
}

package gate

// Signed is what a door found out about the signature of a request.
type Signed struct {
	KeyID string // of the key that signed; empty: none did
	Fault string // what is wrong with the signature, if it is
}

// checkSignature holds that the key of the pass is the one that signed: who has
// only the pass cannot use it, nor can another key of the same owner.
func (d *Decision) checkSignature(s *Signed) (Reason, bool) {
	switch {
	case s == nil || s.KeyID == "" && s.Fault == "":
		return SignatureRequired, false
	case s.Fault != "":
		d.Fault = s.Fault
		return SignatureInvalid, false
	case s.KeyID != d.Token.KeyID:
		d.Fault = "the request is signed by one key, and the pass comes from another"
		return SignatureInvalid, false
	}
	return "", true
}

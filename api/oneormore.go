package api

import (
	"encoding/json"
	"errors"
)

// OneOrMore is a list that JSON shows as a string when it has one element and as an array otherwise, as the aud claim is
// written (RFC 7519, section 4.1.3).
type OneOrMore []string

// MarshalJSON writes one element as a string, several as an array.
func (a OneOrMore) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array of strings.
func (a *OneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil && string(data) != "null" {
		*a = OneOrMore{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil || many == nil {
		return errors.New("the value must be a string or an array of strings")
	}
	*a = many
	return nil
}

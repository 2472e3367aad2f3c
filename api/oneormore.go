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
	list := make([]string, 1)
	var err error
	if len(data) > 0 && data[0] == '"' {
		err = json.Unmarshal(data, &list[0])
	} else {
		err = json.Unmarshal(data, &list)
	}
	if err != nil || list == nil { // nil: it is null
		return errors.New("the value must be a string or an array of strings")
	}
	*a = list
	return nil
}

package store

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// each makes a list of rows into a list of nouns.
func each[Row, Noun any](rows []Row, err error, read func(Row) (Noun, error)) ([]Noun, error) {
	if err != nil {
		return nil, translate(err)
	}
	nouns := make([]Noun, len(rows))
	for i, row := range rows {
		if nouns[i], err = read(row); err != nil {
			return nil, unreadable(err)
		}
	}
	return nouns, nil
}

// one makes a row into a noun.
func one[Row, Noun any](row Row, err error, read func(Row) (Noun, error)) (Noun, error) {
	var none Noun
	if err != nil {
		return none, translate(err)
	}
	noun, err := read(row)
	if err != nil {
		return none, unreadable(err)
	}
	return noun, nil
}

func unreadable(err error) error { return errUnreadable.Because(err) }

// list writes a column that holds a list of texts.
func list(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(items) // strings always marshal
	return string(text)
}

func parseList(column string) (items []string, err error) {
	err = json.Unmarshal([]byte(column), &items)
	return items, err
}

func parseScopes(column string) (scope.Set, error) {
	items, err := parseList(column)
	if err != nil {
		return scope.Set{}, err
	}
	return scope.ParseSet(items)
}

func parseNetworks(column string) (access.Networks, error) {
	items, err := parseList(column)
	if err != nil {
		return access.Networks{}, err
	}
	return access.ParseNetworks(items)
}

// heldRole is a role as it is written in a column.
type heldRole struct {
	Name           string `json:"name"`
	OrganizationID string `json:"organization,omitempty"`
	ApplicationID  string `json:"application,omitempty"`
}

func roleList(roles []access.Role) string {
	held := make([]heldRole, len(roles))
	for i, r := range roles {
		held[i] = heldRole(r)
	}
	text, _ := json.Marshal(held) // strings always marshal
	return string(text)
}

func parseRoles(column string) ([]access.Role, error) {
	var held []heldRole
	if err := json.Unmarshal([]byte(column), &held); err != nil {
		return nil, err
	}
	roles := make([]access.Role, len(held))
	for i, r := range held {
		roles[i] = access.Role(r)
	}
	return roles, nil
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func parseAddress(column string) (netip.Addr, error) {
	if column == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(column)
}

func lastUse(at int64, address, agent string) (access.LastUse, error) {
	a, err := parseAddress(address)
	return access.LastUse{Time: fromMillis(at), Address: a, UserAgent: agent}, err
}

// storable makes text that anyone may have sent storable in both databases:
// a whole batch must not fail for one odd user agent.
func storable(s string) string {
	const most = 200 // bytes, as [access.LastUse] promises
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// pattern is what LIKE finds the words of a text by, one after the other, whatever
// their case; empty for an empty text. Its escape character is the exclamation mark.
func pattern(text string) string {
	words := strings.Fields(strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(text)))
	if len(words) == 0 {
		return ""
	}
	return "%" + strings.Join(words, "%") + "%"
}

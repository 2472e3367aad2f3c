package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// Our fields in an OpenAPI document.
const (
	extensionApplication  = "x-daypass-application"
	extensionOrganization = "x-daypass-organization"
	extensionScopes       = "x-daypass-scopes"
	extensionRoles        = "x-daypass-roles"
	extensionIn           = "x-daypass-in"
	extensionAccess       = "x-daypass-access"
	extensionIgnore       = "x-daypass-ignore"
	extensionPassToken    = "x-daypass-pass-token"
	extensionPassCookies  = "x-daypass-pass-cookies"
	extensionSenderKey    = "x-daypass-sender-key"
	// extensionOrder is the place of a resource among the others, where the order
	// that the importer makes would not be right.
	extensionOrder = "x-daypass-order"
	// extensionOperations are those of methods that OpenAPI 3.1 has no field for,
	// by method; ANY is all methods that are not named beside it.
	extensionOperations = "x-daypass-operations"
	// extensionGateway marks a server as the gateway, which is no upstream.
	extensionGateway = "x-daypass-gateway"
)

// extensionKinds says what is wrong with the value of an extension, or "".
var extensionKinds = map[string]func(*node) string{
	extensionApplication:  checkSlug,
	extensionOrganization: checkSlug,
	extensionScopes: func(n *node) string {
		return checkTexts(n, "scopes, as in [photos:read]", "for any good pass write x-daypass-access: authenticated", func(s string) bool {
			p, err := scope.Parse(s)
			return err == nil && p.Concrete()
		})
	},
	extensionRoles: func(n *node) string {
		return checkTexts(n, "roles, as in [consumer]", "leave it out if no role is needed", access.ValidRoleName)
	},
	extensionIn:          checkChoice("application", "account"),
	extensionAccess:      checkChoice("public", "authenticated"),
	extensionIgnore:      checkFlag,
	extensionPassToken:   checkFlag,
	extensionPassCookies: checkFlag,
	extensionSenderKey:   checkFlag,
	extensionOrder: func(n *node) string {
		if number, err := strconv.ParseUint(n.plainText(), 10, 16); err != nil || number > MaxResources {
			return "write a whole number from 0"
		}
		return ""
	},
}

func extensionNames() []string {
	return slices.Sorted(maps.Keys(extensionKinds))
}

func checkSlug(n *node) string {
	if n.kind != text || !access.ValidSlug(n.text) {
		return "write a name of 1 to 63 lower-case letters, digits and inner hyphens"
	}
	return ""
}

func checkFlag(n *node) string {
	if n.kind != boolean {
		return "write true or false"
	}
	return ""
}

func checkChoice(allowed ...string) func(*node) string {
	return func(n *node) string {
		if n.kind != text || !slices.Contains(allowed, n.text) {
			return "write " + strings.Join(allowed, " or ")
		}
		return ""
	}
}

func checkTexts(n *node, what, empty string, valid func(string) bool) string {
	switch {
	case n.kind != list:
		return "write a list of " + what
	case len(n.items) == 0:
		return "the list is empty; " + empty
	case len(n.items) > MaxRequired || slices.ContainsFunc(n.items, func(item *node) bool { return item.kind != text || !valid(item.text) }):
		return "write a list of " + what
	}
	return ""
}

// extensionTexts reads a list that was checked.
func extensionTexts(extensions map[string]any, name string) []string {
	items, _ := extensions[name].([]any)
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func extensionFlag(extensions map[string]any, name string) bool {
	on, _ := extensions[name].(bool)
	return on
}

func extensionText(extensions map[string]any, name string) string {
	s, _ := extensions[name].(string)
	return s
}

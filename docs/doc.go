// Package docs embeds those pages of the documentation that a running server
// shows: its errors link to them. It refuses to be more: the rest is read where
// the source is.
package docs

import _ "embed"

// Errors is errors.md: every stable code, with an anchor of its name.
//
//go:embed errors.md
var Errors string

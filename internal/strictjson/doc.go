// Package strictjson is the one way Daypass reads JSON it did not write itself.
//
// It owns the limits that must hold before a parser spends work on a text (bytes, nesting, number of members) and the
// rules that make a text mean the same to every reader (RFC 7493): UTF-8 only, no member named twice, member names
// compared exactly, nothing after the value.
//
// It refuses rather than repairs. Its errors name the place and the rule that was broken, never the value found there,
// so they may be shown to the sender and written to a log even when the text held a secret.
package strictjson

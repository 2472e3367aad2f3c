// Package fetch gets documents from addresses that somebody else may have chosen:
// the keys of an outside issuer, a resource file to import.
//
// It refuses to be led to where its caller may not go. The address that is dialled
// in the end decides, after names, redirects and ways of writing were followed, so
// that none of them can hide it. It sends no credential and no cookie, heeds no
// proxy of the environment, and bounds time and length.
package fetch

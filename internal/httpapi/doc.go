// Package httpapi is the door of the public listener: it implements the interface of package api.
//
// It owns the wire: which route is which use case, what a request must look like before anything is done (credential, media
// type, size, strict JSON, parameters, origin), idempotent repeats, entity tags, and the shape of answers. Everything that is
// the same for all routes is done once, in [Handler.ServeHTTP], from one table of routes.
//
// It refuses to decide anything: rules live in admin, exchange and gate. It knows no SQL, and errors are rendered by edge alone.
package httpapi

// Package web holds the built dashboard, which 'make web' makes of web/dashboard.
// It owns where the build lies; how it is served is internal/httpapi's.
package web

// Package server is the house: it reads the configuration, wires the rooms, opens
// the listeners and closes them again. It is the only place that sees everything.
//
// It owns the client's address (computed once per request), the feed follower
// that keeps the gate's view fresh, logs, metrics, health, certificates and
// shutdown. It refuses to start on a broken configuration, a wrong master key, a
// database of a newer version, or, in development mode, off loopback.
package server

// Package edge is where requests meet the gate: the reverse proxy ([Gateway]), and the doors at which other proxies ask,
// by HTTP ([ForwardAuth]) or, as Envoy does, by gRPC ([ExtAuthz]).
//
// It owns everything between the wire and a decision, and nothing of the decision itself: who the client is
// ([ResolveClient]), which request a proxy speaks of, which headers a client may not send on, the identity headers that
// are always set, the connection to the upstream, the end of upgraded connections when their token ends, and how every
// error of the server looks ([WriteProblem]).
//
// It refuses before it decides: a request that two programs could read differently (two credentials, a header in two
// versions, a body of two lengths, a path of two spellings) is answered with 400 and never reaches a rule. A decision is
// made on the very bytes that are sent on. What the upstream learns about the client comes from here alone: headers that
// mean something to a proxy are removed by pattern, and names with anything but letters, digits and hyphens are removed
// altogether, because an upstream may read an underscore as a hyphen.
package edge

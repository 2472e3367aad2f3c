package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// graphqlRule gates the operations of one GraphQL API, beside a plain resource that takes bodies of the same length.
const graphqlRule = `  - match: POST /graphql
    graphql: { query: public, mutation: { scope: "Mutation:{type}:{action}" } }
  - match: POST /plain
    require: { scopes: ["Mutation:Person:Create"] }
`

// measureGraphQL sends a mutation of a kilobyte through the gateway, which reads, gates and prints it anew, and the same
// bytes through the same gateway as a plain request.
func (b *bench) measureGraphQL(ctx context.Context) (rows []row, err error) {
	upstream, err := spawn(ctx, "floor-upstream")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, upstream.stop()) }()
	h, err := b.newHouse(ctx, upstream.Ready.Listen)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.put(resourceFile(upstream.Ready.Listen, resources) + graphqlRule); err != nil {
		return nil, err
	}
	pass, err := h.pass(`{"audience":["` + application + `"],"scopes":["Mutation:Person:*"]}`)
	if err != nil {
		return nil, err
	}
	body, err := mutation(1 << 10)
	if err != nil {
		return nil, err
	}
	post := func(target string) volley {
		return b.brief(volley{Connections: connections, Status: 200, Target: h.Ready.Gateway, Requests: [][]byte{fmt.Appendf(nil,
			"POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", target, host, pass, len(body), body)}})
	}
	d := duel{ours: side{server: h.child, volley: post("/graphql")}, floor: side{server: h.child, volley: post("/plain")}, rounds: b.rounds}
	if err := b.profile(h, "graphql", d.ours.volley); err != nil {
		return nil, err
	}
	o, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	return []row{
		o.rateRow("GraphQL mutation of 1 KB, beside the same bytes as a plain request", 0.5),
		o.timeRow("— median at 32 connections", p50),
		o.processorRow("— processor time of one request"),
	}, nil
}

// mutation is a request body of about so many bytes, as a client library sends it: a named operation, variables, an
// alias, a fragment.
func mutation(size int) ([]byte, error) {
	query := `mutation CreatePersonWithNames($name: String!, $notes: String) {
  created: CreatePerson(name: $name, notes: $notes) { ...PersonFields works { identifier title } }
}
fragment PersonFields on Person { identifier name birthDate deathDate nationality }`
	request := map[string]any{"operationName": "CreatePersonWithNames", "query": query, "variables": map[string]any{"name": "Clara", "notes": ""}}
	bare, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	request["variables"] = map[string]any{"name": "Clara", "notes": strings.Repeat("n", max(0, size-len(bare)))}
	return json.Marshal(request)
}

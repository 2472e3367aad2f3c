package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/sign"
)

// signedRule has two resources that differ in the signature alone.
const signedRule = `  - match: GET /v1/signed/{id}
    require: { scopes: ["area0:read"], signature: true }
  - match: GET /v1/unsigned/{id}
    require: { scopes: ["area0:read"] }
`

// signer is a key that signs, with passes of its own.
type signer struct {
	*sign.Signer
	passes []string
}

func (h *house) newSigner(ctx context.Context, count int) (*signer, error) {
	var key struct{ ID, Secret string }
	if err := h.call("POST", organizationPath+"/keys", `{"scopes":["*"],"require_signature":true}`, &key); err != nil {
		return nil, err
	}
	s := &signer{}
	var err error
	if s.Signer, err = sign.NewHMACSigner(key.ID, []byte(key.Secret)); err != nil {
		return nil, err
	}
	client, err := daypass.New("http://"+h.Ready.Listen, daypass.WithSigningKey(key.ID, key.Secret))
	if err != nil {
		return nil, err
	}
	for range count {
		grant, err := client.Exchange(ctx, daypass.ExchangeRequest{})
		if err != nil {
			return nil, err
		}
		s.passes = append(s.passes, grant.Text)
	}
	return s, nil
}

// request is what a client of the gateway sends, without its last line.
func (s *signer) request(i int, path string) (head, pass string) {
	pass = s.passes[i%len(s.passes)]
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer %s\r\n", path, host, pass), pass
}

// signed are requests each of which is good once.
func (s *signer) signed(count int) ([][]byte, error) {
	list := make([][]byte, count)
	for i := range list {
		path := fmt.Sprintf("/v1/signed/%d", i)
		head, pass := s.request(i, path)
		r, err := http.NewRequest("GET", "http://"+host+path, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+pass)
		if err = s.Sign(r, time.Now()); err != nil {
			return nil, err
		}
		list[i] = fmt.Appendf(nil, "%sSignature-Input: %s\r\nSignature: %s\r\n\r\n", head, r.Header[sign.FieldInput][0], r.Header[sign.FieldSignature][0])
	}
	return list, nil
}

// unsigned are the same requests, as far as they can be.
func (s *signer) unsigned(count int) [][]byte {
	list := make([][]byte, count)
	for i := range list {
		head, _ := s.request(i, fmt.Sprintf("/v1/unsigned/%d", i))
		list[i] = []byte(head + "\r\n")
	}
	return list
}

// measureSignature asks the gateway, the one door that checks signatures, of an application without an upstream: what it
// answers then, it answers once all is decided. Beside it stand the same requests unsigned, and forward-auth's answer to
// those, which is the shortest way to a decision.
func (b *bench) measureSignature(ctx context.Context) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.put(resourceFile("", resources) + signedRule); err != nil {
		return nil, err
	}
	s, err := h.newSigner(ctx, manyPasses)
	if err != nil {
		return nil, err
	}
	plain := volley{Target: h.Ready.Gateway, Connections: connections, Status: http.StatusBadGateway, Times: proofsPerRound, Requests: s.unsigned(proofsPerRound)}
	forward := plain
	forward.Target, forward.Status, forward.Requests = h.Ready.Listen, http.StatusNoContent, nil
	for i := range proofsPerRound {
		around := forwardAuth(fmt.Sprintf("/v1/unsigned/%d", i))
		forward.Requests = append(forward.Requests, []byte(strings.Join(around[:], s.passes[i%len(s.passes)])))
	}
	if err := b.profileSigned(h, s, plain); err != nil {
		return nil, err
	}
	same, err := b.skirmish(h, s, plain)
	if err != nil {
		return nil, err
	}
	shortest, err := b.skirmish(h, s, forward)
	if err != nil {
		return nil, err
	}
	return []row{
		same.rateRow("gateway, HMAC signature of a request, beside the same requests unsigned", 0.6),
		same.timeRow("— p99 at 32 connections", p99),
		same.processorRow("— processor time of one request"),
		shortest.rateRow("— beside forward-auth of unsigned requests", 0.6),
	}, nil
}

// profileSigned is [bench.profile] with as many signed requests as that may take.
func (b *bench) profileSigned(h *house, s *signer, v volley) (err error) {
	if b.profiles == "" {
		return nil
	}
	v.Times = 20 * proofsPerRound
	if v.Requests, err = s.signed(v.Times); err != nil {
		return err
	}
	return b.profile(h, "signature", v)
}

// skirmish is a duel in which ours are signed for each round.
func (b *bench) skirmish(h *house, s *signer, floor volley) (o outcome, err error) {
	for round := range b.rounds + 1 {
		v := volley{Target: h.Ready.Gateway, Connections: connections, Status: http.StatusBadGateway, Times: proofsPerRound}
		if v.Requests, err = s.signed(v.Times); err != nil {
			return o, err
		}
		got, err := b.pair(side{server: h.child, volley: v}, side{server: h.child, volley: floor}, round%2 == 0)
		if err != nil {
			return o, fmt.Errorf("round %d: %w", round, err)
		}
		if round > 0 { // the first warms
			o.ours, o.floor = append(o.ours, got[0]), append(o.floor, got[1])
		}
	}
	return o, nil
}

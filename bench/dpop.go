package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/daypass/daypass"
)

// floorVerify checks one ES256 signature and answers 204.
func floorVerify([]string) (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte("the claims of a proof"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), nil
}

// proofsPerRound is how many requests one round sends: each proof is good once, so each is made for its round.
const proofsPerRound = 2_000

// sender is who holds the key that passes are bound to.
type sender struct {
	key    *daypass.SenderKey
	passes []string
}

func (h *house) newSender(count int) (*sender, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &sender{}
	if s.key, err = daypass.NewSenderKey(private); err != nil {
		return nil, err
	}
	wish := strings.Replace(string(bodyOf(exchangeRequest(h.key))), "{", `{"confirmation":"`+s.key.Thumbprint()+`",`, 1)
	for range count {
		pass, err := h.pass(wish)
		if err != nil {
			return nil, err
		}
		s.passes = append(s.passes, pass)
	}
	return s, nil
}

// requests are what a proxy asks about a sender's requests, each with a proof of its own.
func (s *sender) requests(count int) ([][]byte, error) {
	list := make([][]byte, count)
	for i := range list {
		path, pass := target(area(i%scopes)), s.passes[i/scopes%len(s.passes)]
		proof, err := s.key.Proof("GET", "https://"+host+path, pass, "")
		if err != nil {
			return nil, err
		}
		around := forwardAuth(path)
		before := strings.TrimSuffix(around[0], "Bearer ") + "DPoP "
		list[i] = []byte(before + pass + "\r\nDPoP: " + proof + around[1])
	}
	return list, nil
}

// measureDPoP asks as a proxy does, about bound passes that were seen before and proofs that were not.
func (b *bench) measureDPoP(ctx context.Context) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	bare, err := spawn(ctx, "floor-verify")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	s, err := h.newSender(manyPasses)
	if err != nil {
		return nil, err
	}
	var o outcome
	for round := range b.rounds + 1 {
		v := volley{Connections: connections, Status: 204, Times: proofsPerRound}
		if v.Requests, err = s.requests(v.Times); err != nil {
			return nil, err
		}
		ours, floor := side{server: h.child, volley: v.at(h.Ready.Listen)}, side{server: bare, volley: v.at(bare.Ready.Listen)}
		got, err := b.pair(ours, floor, round%2 == 0)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", round, err)
		}
		if round > 0 { // the first warms
			o.ours, o.floor = append(o.ours, got[0]), append(o.floor, got[1])
		}
	}
	return []row{
		o.rateRow("forward-auth, bound warm pass (DPoP), beside one bare ES256 verification", 0.85),
		o.timeRow("— p99 at 32 connections", p99),
		o.processorRow("— processor time of one request"),
	}, nil
}

// pair measures one round of both sides.
func (b *bench) pair(ours, floor side, oursFirst bool) (got [2]shot, err error) {
	order := [2]int{1, 0}
	if oursFirst {
		order = [2]int{0, 1}
	}
	for _, i := range order {
		if got[i], err = b.shoot([2]side{ours, floor}[i]); err != nil {
			return got, err
		}
	}
	return got, nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	loginsOffered = 1000 // a second
	loginUsers    = 40
	loginPassword = "nine umbrellas in the rain"
)

// measureLogins asks whether a pass is good, over one connection, in turn beside nothing and beside very many logins.
func (b *bench) measureLogins(ctx context.Context) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	passes, err := h.passes(manyPasses)
	if err != nil {
		return nil, err
	}
	bodies, err := h.people()
	if err != nil {
		return nil, err
	}
	v := b.brief(volley{Connections: 1, Requests: forwardAuthRequests(passes), Status: 204}).at(h.Ready.Listen)
	crowd := crowd{target: "http://" + h.Ready.Listen + "/auth/token", bodies: bodies, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 200, MaxConnsPerHost: 200},
	}}
	defer crowd.client.CloseIdleConnections()
	var alone, beside []time.Duration
	for range b.rounds {
		quiet, err := fire(b.generator, v)
		if err != nil {
			return nil, err
		}
		stop := crowd.begin(ctx)
		busy, err := fire(b.generator, v)
		stop()
		if err != nil {
			return nil, err
		}
		alone, beside = append(alone, quiet.P99), append(beside, busy.P99)
	}
	slices.Sort(alone)
	slices.Sort(beside)
	ours, floor := beside[len(beside)/2], alone[len(alone)/2]
	if crowd.in.Load() == 0 {
		return nil, errors.New("nobody logged in")
	}
	ratio := float64(ours) / float64(floor)
	return []row{
		{
			What: fmt.Sprintf("forward-auth beside %d logins a second with Argon2id, p99", loginsOffered), Ours: micros(ours), Floor: micros(floor),
			Ratio: fmt.Sprintf("%.2f", ratio), Required: "≤ 2", Met: ratio <= 2,
		},
		{What: "— logins let in a second", Ours: perSecond(float64(crowd.in.Load()) / crowd.took.Seconds()), Met: true},
		{What: "— told to come back a second", Ours: perSecond(float64(crowd.back.Load()) / crowd.took.Seconds()), Met: true},
	}, nil
}

// people makes users who can log in, and returns the bodies of their logins.
func (h *house) people() ([]string, error) {
	var bodies []string
	for i := range loginUsers {
		var made struct{ User struct{ ID string } }
		name := fmt.Sprintf("user%d@acme.example", i)
		if err := h.call("POST", organizationPath+"/users", `{"email":"`+name+`","roles":["consumer"],"scopes":["*"]}`, &made); err != nil {
			return nil, err
		}
		var invited struct{ Link string }
		if err := h.call("POST", organizationPath+"/users/"+made.User.ID+"/invitation", "", &invited); err != nil {
			return nil, err
		}
		_, secret, _ := strings.Cut(invited.Link, "token=")
		if err := h.call("POST", "/auth/password", `{"token":"`+secret+`","password":"`+loginPassword+`"}`, new(struct{})); err != nil {
			return nil, err
		}
		bodies = append(bodies, `{"username":"`+name+`","password":"`+loginPassword+`"}`)
	}
	return bodies, nil
}

// crowd are people who log in without waiting for each other.
type crowd struct {
	target   string
	bodies   []string
	client   *http.Client
	in, back atomic.Int64
	took     time.Duration
	next     int
}

// begin has them come until stop is called, which waits for the last.
func (c *crowd) begin(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	var all sync.WaitGroup
	all.Go(func() {
		const every = 10 * time.Millisecond
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for range int(loginsOffered * every / time.Second) {
				body := c.bodies[c.next%len(c.bodies)]
				c.next++
				all.Go(func() { c.logIn(ctx, body) })
			}
		}
	})
	return func() {
		cancel()
		all.Wait()
		c.took += time.Since(began)
	}
}

func (c *crowd) logIn(ctx context.Context, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target, bytes.NewReader([]byte(body)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode == http.StatusOK {
		c.in.Add(1)
		return
	}
	c.back.Add(1)
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// volley is what the generator is asked to send: requests over and over, for a time or a number of times.
type volley struct {
	Target      string // host:port
	Connections int
	Requests    [][]byte      // whole HTTP/1.1 requests; connections start at different ones
	Status      int           // what every answer must be
	Warm        time.Duration // sent first, not counted
	For         time.Duration
	Times       int // instead of For: how many requests in all

	// Spend, if set, follows each answer with a second request to the same target: the "token" of the answer goes between
	// the two parts. Its answer must be 204.
	Spend [][]byte

	// GRPC has the requests sent as messages of unary calls, which must be answered by allowing.
	GRPC bool
}

// impact is what came of a volley.
type impact struct {
	Requests      int
	Warming       int // requests that were not counted
	Took          time.Duration
	P50, P99, Max time.Duration
	Error         string
}

// at is v for another target.
func (v volley) at(target string) volley {
	v.Target = target
	return v
}

// fire has the generator send v.
func fire(generator *child, v volley) (impact, error) {
	var got impact
	if err := generator.ask(v, &got); err != nil {
		return got, err
	}
	if got.Error != "" {
		return got, fmt.Errorf("load on %s: %s", v.Target, got.Error)
	}
	return got, nil
}

// runGenerator answers volleys on standard input until it ends. It keeps to one processor: what it does is the same for
// whoever is measured, and should take little from it.
func runGenerator() error {
	runtime.GOMAXPROCS(1)
	if err := announce(ready{}); err != nil {
		return err
	}
	questions, answers := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		var v volley
		if err := questions.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(v.send()); err != nil {
			return err
		}
		runtime.GC()
	}
}

func (v *volley) send() impact {
	guns := make([]gun, v.Connections)
	for i := range guns {
		g := &guns[i]
		g.volley, g.next = v, i*len(v.Requests)/v.Connections
		conn, err := net.Dial("tcp", v.Target)
		if err != nil {
			return impact{Error: err.Error()}
		}
		defer conn.Close()
		g.conn, g.buffer = conn, make([]byte, 64<<10)
		if v.GRPC {
			if g.caller, err = newCaller(conn); err != nil {
				return impact{Error: err.Error()}
			}
		}
	}
	if v.Warm > 0 {
		if err := volleyOf(guns, time.Now().Add(v.Warm), nil); err != nil {
			return impact{Error: "while warming: " + err.Error()}
		}
	}
	warming := 0
	for i := range guns {
		warming += len(guns[i].took)
		guns[i].took = guns[i].took[:0]
	}
	began := time.Now()
	var left *atomic.Int64
	if v.Times > 0 {
		left = new(atomic.Int64)
		left.Store(int64(v.Times))
	}
	err := volleyOf(guns, began.Add(v.For), left)
	result := impact{Warming: warming, Took: time.Since(began)}
	if err != nil {
		result.Error = err.Error()
		return result
	}
	var all []time.Duration
	for i := range guns {
		all = append(all, guns[i].took...)
	}
	if len(all) == 0 {
		result.Error = "no answer came in time"
		return result
	}
	slices.Sort(all)
	result.Requests, result.P50, result.P99, result.Max = len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
	return result
}

// volleyOf fires all guns until end, or, with a count of what is left, until nothing is.
func volleyOf(guns []gun, end time.Time, left *atomic.Int64) error {
	var wait sync.WaitGroup
	errs := make([]error, len(guns))
	for i := range guns {
		wait.Go(func() { errs[i] = guns[i].run(end, left) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// gun is one connection.
type gun struct {
	volley *volley
	conn   net.Conn
	buffer []byte
	spend  []byte
	caller *caller // nil: plain HTTP/1.1
	next   int
	took   []time.Duration
}

func (g *gun) run(end time.Time, left *atomic.Int64) error {
	v := g.volley
	for {
		i := g.next % len(v.Requests)
		if left != nil {
			n := int(left.Add(-1))
			if n < 0 {
				return nil
			}
			i = n % len(v.Requests)
		}
		g.next++
		began := time.Now()
		body, err := g.ask(v.Requests[i])
		if err != nil {
			return err
		}
		now := time.Now()
		g.took = append(g.took, now.Sub(began))
		if v.Spend != nil {
			if err := g.spendToken(body); err != nil {
				return err
			}
		}
		if left == nil && now.After(end) {
			return nil
		}
	}
}

func (g *gun) ask(request []byte) (body []byte, err error) {
	if g.caller != nil {
		return nil, g.caller.call(request)
	}
	return g.exchange(request, g.volley.Status)
}

func (g *gun) spendToken(body []byte) error {
	_, rest, ok := bytes.Cut(body, []byte(`"token":"`))
	token, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return fmt.Errorf("an answer has no token: %.200q", body)
	}
	g.spend = append(append(append(g.spend[:0], g.volley.Spend[0]...), token...), g.volley.Spend[1]...)
	_, err := g.exchange(g.spend, 204)
	return err
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

// exchange sends a request and reads its answer, whose body it returns. It knows just enough HTTP/1.1 for the servers
// measured here: answers have a Content-Length or no body.
func (g *gun) exchange(request []byte, status int) ([]byte, error) {
	if _, err := g.conn.Write(request); err != nil {
		return nil, err
	}
	have, end := 0, -1
	for end < 0 {
		if have == len(g.buffer) {
			return nil, errors.New("the head of an answer is too long")
		}
		n, err := g.conn.Read(g.buffer[have:])
		if err != nil {
			return nil, fmt.Errorf("after %q: %w", g.buffer[:have], err)
		}
		have += n
		end = bytes.Index(g.buffer[:have], headEnd)
	}
	head, bodyAt := g.buffer[:end+2], end+len(headEnd)
	const statusAt = len("HTTP/1.1 ")
	if got, err := strconv.Atoi(string(head[statusAt : statusAt+3])); err != nil || got != status {
		return nil, fmt.Errorf("wanted status %d, got %.600q", status, g.buffer[:have])
	}
	length := 0
	if at := bytes.Index(head, contentLength); at >= 0 {
		digits, _, _ := bytes.Cut(head[at+len(contentLength):], []byte("\r\n"))
		var err error
		if length, err = strconv.Atoi(string(digits)); err != nil {
			return nil, err
		}
	} else if status != 204 {
		return nil, fmt.Errorf("an answer has no Content-Length: %.600q", head)
	}
	if bodyAt+length > len(g.buffer) {
		return nil, errors.New("an answer is too long")
	}
	for have < bodyAt+length {
		n, err := g.conn.Read(g.buffer[have:])
		if err != nil {
			return nil, err
		}
		have += n
	}
	if have > bodyAt+length {
		return nil, fmt.Errorf("an answer is longer than it says: %.600q", g.buffer[:have])
	}
	return g.buffer[bodyAt:have], nil
}

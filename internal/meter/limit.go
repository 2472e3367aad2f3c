package meter

import (
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Why a limit refuses. They are reasons of the gate.
const (
	RateLimited   = "rate_limited"
	QuotaExceeded = "quota_exceeded"
)

// State is one party's count of one limit. The zero value is a party that was
// not seen yet.
type State struct {
	// rate and bytes are when the party has the whole of its rate again, in
	// nanoseconds of Unix time: the "theoretical arrival time" of the generic cell
	// rate algorithm (ITU-T I.371).
	rate, bytes int64
	step        int64       // what a request cost when rate was reckoned
	byteRate    access.Rate // when bytes was reckoned
	used        int64       // of the quota
	until       int64       // day at whose beginning used ends to count
}

// overrun is how many windows an answer that was longer than what was left may
// keep a party waiting, at most.
const overrun = 2

// Judge says whether a limit admits so many more requests together: empty, or why
// not and how long to wait. More than it ever admits at once are refused always.
func Judge(l *access.Limit, s State, now time.Time, requests int64) (refused string, wait time.Duration) {
	s = s.at(l, now)
	if l.Quota.Count > 0 && s.used+requests > l.Quota.Count {
		return QuotaExceeded, untilDay(s.until, now)
	}
	if l.Rate.Count > 0 {
		wait = time.Duration(s.rate + s.step*requests - now.UnixNano() - s.step*l.AtOnce())
	}
	if wait = max(wait, s.bytesWait(l, now)); wait > 0 {
		return RateLimited, wait
	}
	return "", 0
}

// bytesWait is how long a limit of bytes makes a party wait: what an answer will
// cost is known afterwards, so one byte that is left will do.
func (s State) bytesWait(l *access.Limit, now time.Time) time.Duration {
	if l.Bytes.Count == 0 {
		return 0
	}
	return time.Duration(s.bytes-now.UnixNano()) + l.Bytes.Cost(1) - l.Bytes.Window
}

// After is the state after so many requests and bytes.
func (s State) After(l *access.Limit, now time.Time, requests, bytes int64) State {
	s = s.at(l, now)
	if l.Rate.Count > 0 {
		s.rate += s.step * requests
	}
	if l.Bytes.Count > 0 && bytes > 0 {
		s.bytes += int64(min(l.Bytes.Cost(bytes), overrun*l.Bytes.Window))
	}
	if l.Quota.Count > 0 {
		s.used += requests
	}
	return s.at(l, now)
}

// at brings a state to a time, and to what the limit says now: where the rate was
// changed, as many requests have been made as before. A time to come that the
// limit cannot have led to is what a clock that was set back has left.
func (s State) at(l *access.Limit, now time.Time) State {
	clock := now.UnixNano()
	if step := stepOf(l); s.step != step {
		if s.step > 0 && s.rate > clock {
			s.rate = clock + min((s.rate-clock+s.step-1)/s.step, l.AtOnce())*step
		}
		s.step = step
	}
	if s.byteRate != l.Bytes {
		s.bytes, s.byteRate = 0, l.Bytes
	}
	s.rate = min(max(s.rate, clock), clock+s.step*l.AtOnce())
	s.bytes = min(max(s.bytes, clock), clock+int64(overrun*l.Bytes.Window))
	if until := periodEnd(l.Quota, now); s.until != until {
		s.used, s.until = 0, until
	}
	return s
}

// idle reports whether the state is no other than that of a party that was not
// seen yet.
func (s State) idle(now time.Time) bool {
	clock := now.UnixNano()
	return s.rate <= clock && s.bytes <= clock && (s.used == 0 || s.until <= access.Day(now))
}

// stricter is the state of two parties that share a count from now on: of each
// part the one that leaves less.
func (s State) stricter(o State) State {
	if o.rate > s.rate {
		s.rate, s.step = o.rate, o.step
	}
	if o.bytes > s.bytes {
		s.bytes, s.byteRate = o.bytes, o.byteRate
	}
	if o.until > s.until || o.until == s.until && o.used > s.used {
		s.used, s.until = o.used, o.until
	}
	return s
}

// Left is what a party may still do, and when it has all of it again.
type Left struct {
	Count int64
	Reset time.Duration
}

func rateLeft(l *access.Limit, s State, now time.Time) Left {
	spent := s.rate - now.UnixNano()
	return Left{max(0, (s.step*l.AtOnce()-spent)/s.step), time.Duration(spent)}
}

func bytesLeft(l *access.Limit, s State, now time.Time) Left {
	spent := time.Duration(s.bytes - now.UnixNano())
	free := access.Rate{Count: int64(l.Bytes.Window), Window: time.Duration(l.Bytes.Count)} // the same rate, the other way round
	left := int64(0)
	if spent < l.Bytes.Window {
		left = int64(free.Cost(int64(l.Bytes.Window-spent+1))) - 1
	}
	return Left{min(max(left, 0), l.Bytes.Count), spent}
}

func quotaLeft(l *access.Limit, s State, now time.Time) Left {
	return Left{max(0, l.Quota.Count-s.used), untilDay(s.until, now)}
}

// periodEnd is the day at whose beginning a quota is whole again.
func periodEnd(q access.Quota, now time.Time) int64 {
	switch {
	case q.Count == 0:
		return 0
	case q.Monthly:
		y, m, _ := now.UTC().Date()
		return access.Day(time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC))
	}
	return access.Day(now) + 1
}

func untilDay(day int64, now time.Time) time.Duration {
	return time.Unix(day*24*60*60, 0).Sub(now)
}

func stepOf(l *access.Limit) int64 {
	if l.Rate.Count == 0 {
		return 0
	}
	return int64(l.Rate.Cost(1))
}

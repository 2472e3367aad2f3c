package catalog

import (
	"errors"
	"math"
	"strconv"

	"github.com/daypass/daypass/internal/access"
)

// limits reads one limit, or a list of them.
func (r *reader) limits(n *node) []access.Limit {
	items := []*node{n}
	if n.kind == list {
		if len(n.items) == 0 {
			r.report(n, "an empty list limits nothing; write limit: {rate: 100/m}, or leave it out")
		}
		items, _ = r.list(n, access.MaxLimits, "limits")
	}
	limits := make([]access.Limit, 0, len(items))
	for _, item := range items {
		var d limitDraft
		readObject(r, item, &d, limitFields)
		if item.kind != object || d.unread {
			continue
		}
		l, err := d.text.Parse()
		if wrong := (*access.LimitError)(nil); errors.As(err, &wrong) {
			at := item
			if d.nodes[wrong.Member] != nil {
				at = d.nodes[wrong.Member]
			}
			r.report(at, "%s", wrong)
			continue
		}
		limits = append(limits, l.AtResource())
	}
	return limits
}

// limitDraft is a limit while it is read.
type limitDraft struct {
	text   access.LimitText
	nodes  map[string]*node
	unread bool // a member was reported
}

var limitFields = []field[limitDraft]{
	{"rate", func(r *reader, d *limitDraft, n *node) { d.text.Rate = d.member(r, "rate", n) }},
	{"burst", func(r *reader, d *limitDraft, n *node) { d.text.Burst = d.count(r, n) }},
	{"per", func(r *reader, d *limitDraft, n *node) { d.text.Per = d.member(r, "per", n) }},
	{"body", func(r *reader, d *limitDraft, n *node) { d.text.Body = d.member(r, "body", n) }},
	{"bytes", func(r *reader, d *limitDraft, n *node) { d.text.Bytes = d.member(r, "bytes", n) }},
	{"quota", func(r *reader, d *limitDraft, n *node) { d.text.Quota = d.member(r, "quota", n) }},
}

// member takes a text. A number may stand where bytes are meant.
func (d *limitDraft) member(r *reader, name string, n *node) string {
	d.note(name, n)
	if n.kind == number && name == "body" {
		return n.text
	}
	s := r.text(n)
	switch {
	case n.kind != text:
		d.unread = true
	case s == "":
		d.unread = true
		r.report(n, "write a value, or leave %s out", name)
	}
	return s
}

func (d *limitDraft) count(r *reader, n *node) int64 {
	d.note("burst", n)
	count, err := strconv.ParseInt(n.text, 10, 64)
	if n.kind != number || err != nil || count < 1 || count > math.MaxInt32 {
		d.unread = true
		r.report(n, "write how many requests may come at once, as in burst: 20")
		return 0
	}
	return count
}

func (d *limitDraft) note(name string, n *node) {
	if d.nodes == nil {
		d.nodes = make(map[string]*node)
	}
	d.nodes[name] = n
}

package admin

import (
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// cursorMAC is how much of the MAC a cursor carries: enough that guessing one
// is hopeless, little enough that cursors stay short.
const cursorMAC = 16

const maxCursor = 4000 // bytes

var errCursor = access.New(access.Invalid, "invalid_cursor", "this cursor is not one of this list; start again without it").At("/cursor")

// listing names one list: a cursor of one is refused by any other.
type listing []string

func (l listing) purpose() string {
	var b strings.Builder
	b.WriteString("cursor")
	for _, part := range l {
		b.WriteByte(0) // no part contains it: ids, slugs and checked text only
		b.WriteString(part)
	}
	return b.String()
}

func (s *Service) cursor(l listing, last string) string {
	mac := s.sealer.MAC(l.purpose(), []byte(last))[:cursorMAC]
	return base64.RawURLEncoding.EncodeToString(append(mac, last...))
}

// after returns where a list goes on; empty: at its start.
func (s *Service) after(l listing, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorMAC || len(cursor) > maxCursor || strings.ContainsAny(cursor, "\r\n") {
		return "", errCursor
	}
	mac, last := raw[:cursorMAC], raw[cursorMAC:]
	if subtle.ConstantTimeCompare(mac, s.sealer.MAC(l.purpose(), last)[:cursorMAC]) != 1 {
		return "", errCursor
	}
	return string(last), nil
}

// pagedUpTo is [paged] for lists whose pages may be longer.
func pagedUpTo[R, V any](s *Service, most int, l listing, p Page, read func(after string, limit int) ([]R, error), id func(R) string, view func(R) (V, error)) (List[V], error) {
	limit, err := pageSize(p.Limit, most)
	if err != nil {
		return List[V]{}, err
	}
	after, err := s.after(l, p.Cursor)
	if err != nil {
		return List[V]{}, err
	}
	rows, err := read(after, limit+1) // the one too many only shows that there is more
	if err != nil {
		return List[V]{}, err
	}
	var out List[V]
	if len(rows) > limit {
		rows = rows[:limit]
		out.NextCursor = s.cursor(l, id(rows[limit-1]))
	}
	out.Items = make([]V, 0, len(rows))
	for _, row := range rows {
		v, err := view(row)
		if err != nil {
			return List[V]{}, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// paged reads one part of a list, of which read returns at most limit rows
// behind the one named after.
func paged[R, V any](s *Service, l listing, p Page, read func(after string, limit int) ([]R, error), id func(R) string, view func(R) (V, error)) (List[V], error) {
	return pagedUpTo(s, maxPage, l, p, read, id, view)
}

// as is the view of a row that is shown as it is.
func as[V any](v V) (V, error) { return v, nil }

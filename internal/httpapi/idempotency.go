package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

const maxIdempotencyKey = 128

// idempotently runs a request once for its Idempotency-Key; repeats get the first answer. Refusals are not kept.
func (h *Handler) idempotently(w http.ResponseWriter, r *http.Request, c *call) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	var refused *answer
	kept, replayed, err := h.Admin.Idempotent(r.Context(), c.caller, key, fingerprint(r, c.raw), func(ctx context.Context) ([]byte, error) {
		a := &answer{Status: http.StatusOK, Fields: make(http.Header)}
		h.mux.ServeHTTP(a, r.WithContext(ctx))
		if a.Status >= http.StatusBadRequest {
			refused = a
			return nil, errRefused
		}
		return json.Marshal(a)
	})
	if errors.Is(err, errRefused) && refused != nil {
		refused.send(w)
		return nil
	}
	if err != nil {
		return err
	}
	var first answer
	if err := json.Unmarshal(kept, &first); err != nil {
		return err
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	first.send(w)
	return nil
}

var errRefused = errors.New("the request was refused")

func idempotencyKey(r *http.Request) (string, error) {
	keys := r.Header["Idempotency-Key"]
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxIdempotencyKey || strings.IndexFunc(keys[0], func(c rune) bool { return !visible(c) }) >= 0 {
		return "", access.New(access.Malformed, "invalid_idempotency_key", "an Idempotency-Key has 1 to 128 visible ASCII characters and is given once")
	}
	return keys[0], nil
}

// fingerprint tells one request from another. Its parts are prefixed by their lengths, so that they cannot run together.
func fingerprint(r *http.Request, body []byte) [sha256.Size]byte {
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath(), r.Header.Get("If-Match"), string(body)} {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(part))) // a hash cannot fail
		sum.Write([]byte(part))
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// answer is an HTTP answer in memory.
type answer struct {
	Status int         `json:"status"`
	Fields http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

func (a *answer) Header() http.Header    { return a.Fields }
func (a *answer) WriteHeader(status int) { a.Status = status }
func (a *answer) Write(b []byte) (int, error) {
	a.Body = append(a.Body, b...)
	return len(b), nil
}

func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.Fields {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}

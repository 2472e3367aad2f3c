package edge

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/daypass/daypass/internal/access"
)

// errTunnel answers CONNECT, whose target is no path: rules have nothing to say of what would go through.
var errTunnel = access.New(access.Malformed, "bad_path", "CONNECT asks for a tunnel; this door opens none")

// clientBody notices whether it was the client's side that broke while a body was sent on, for which an upstream is not to
// blame.
type clientBody struct {
	io.ReadCloser
	broken atomic.Bool // it is read beside the handler
}

// wrap puts b in the place of the body of r, if it has one.
func (b *clientBody) wrap(r *http.Request) {
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		b.ReadCloser, r.Body = r.Body, b
	}
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.broken.Store(true)
	}
	return n, err
}

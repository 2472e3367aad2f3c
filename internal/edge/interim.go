package edge

import "net/http"

// maxInterim is how many interim answers (RFC 9110 section 15.2) to one request are handed on. An upstream may send them
// without end, until its time is up.
const maxInterim = 5

// interimWriter looks after interim answers on their way to the client, such as 103 Early Hints. The proxy clears the headers
// after each of them, also those that this server has set for the answer itself.
type interimWriter struct {
	http.ResponseWriter
	seen int
	own  []ownHeader
	room [8]ownHeader // for own, so that it takes no memory of its own
}

// ownHeader is what this server had set before anybody asked the upstream.
type ownHeader struct {
	name   string
	values []string
}

// around prepares to answer by w.
func (w *interimWriter) around(next http.ResponseWriter) {
	w.ResponseWriter, w.own = next, w.room[:0]
	for name, values := range next.Header() {
		w.own = append(w.own, ownHeader{name, values})
	}
}

func (w *interimWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *interimWriter) Header() http.Header {
	h := w.ResponseWriter.Header()
	if w.seen == 0 {
		return h
	}
	for _, one := range w.own {
		if h[one.name] == nil {
			h[one.name] = one.values[:len(one.values):len(one.values)]
		}
	}
	return h
}

func (w *interimWriter) WriteHeader(status int) {
	if status < 200 {
		w.interim(status)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *interimWriter) interim(status int) {
	if w.seen++; w.seen > maxInterim {
		return
	}
	h := w.ResponseWriter.Header()
	stripIdentity(h)
	w.ResponseWriter.WriteHeader(status)
}

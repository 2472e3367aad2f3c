package edge

import (
	"bytes"
	"net/http"
)

// problemHeader tells the problem to a proxy that asked by HEAD and so gets no body: nginx's auth_request drops bodies, but
// can hand on a header.
const problemHeader = "Problem"

// headWriter puts the body of a problem into [problemHeader]. It serves answers that are written at once, as those are.
type headWriter struct {
	http.ResponseWriter
	status int
}

func (w *headWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status // its body is about to follow
}

func (w *headWriter) Write(body []byte) (int, error) {
	w.Header().Set(problemHeader, string(bytes.TrimSpace(body)))
	w.ResponseWriter.WriteHeader(w.status)
	return len(body), nil
}

package server

import (
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/edge"
)

// newLogger writes what the server says about itself. Credentials never reach it:
// handlers log routes, codes and ids, not headers, bodies or query strings.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // validated with the configuration
	options := &slog.HandlerOptions{Level: l}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// statusRecorder notes the status for the request log. Unwrap keeps streaming
// and hijacking possible.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// logRequests writes one line per request: method, path, status, time, address
// and request id. The query is left out: that is where secrets get lost.
func logRequests(log *slog.Logger, door string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &statusRecorder{ResponseWriter: w}
		next.ServeHTTP(recorder, r)
		client := edge.ClientFrom(r.Context())
		log.Info("request",
			"door", door, "method", r.Method, "path", printable(r.URL.EscapedPath()), "status", recorder.status,
			"duration_ms", float64(time.Since(start).Microseconds())/1000, "address", client.Address.String(), "request_id", client.RequestID)
	})
}

// credentials are keys, signing secrets and passes: some put them into paths.
var credentials = regexp.MustCompile(`dp([slr]|_[a-z]+)_[0-9A-Za-z]{20,}|eyJ[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*(\.[0-9A-Za-z_-]*)?`)

// printable bounds what a stranger can put into the log, and keeps credentials
// out of it; the handler escapes the rest.
func printable(path string) string {
	const most = 200
	path = credentials.ReplaceAllLiteralString(path, "[credential]")
	if len(path) > most {
		path = path[:most] + "…"
	}
	return strings.ToValidUTF8(path, "�")
}

// errorLog adapts net/http's own complaints, at debug: they are mostly strangers
// hanging up.
func errorLog(log *slog.Logger) *slogWriter { return &slogWriter{log} }

type slogWriter struct{ log *slog.Logger }

func (w *slogWriter) Write(p []byte) (int, error) {
	w.log.Debug("http", "message", printable(strings.TrimSpace(string(p))))
	return len(p), nil
}

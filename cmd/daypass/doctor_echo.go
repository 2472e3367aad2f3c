package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// echo is what 'doctor echo' answers: the request as it arrived.
type echo struct {
	Echo    string              `json:"daypass_echo"` // echoMark
	Method  string              `json:"method"`
	Target  string              `json:"target"`
	Host    string              `json:"host"`
	Headers map[string][]string `json:"headers"` // credentials are there, but not their values
}

const echoMark = "doctor echo"

func newDoctorEcho(c *cli) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "echo",
		Short: "Stand in for an API, and answer with what reached it",
		Long: `Stand in for the API behind a proxy, at the API's own address, while 'daypass doctor --proxy' runs: every request is
answered with its method, target and headers, so that the doctor sees what the API would have been told. Nothing in
the proxy's configuration changes for it. Values of credentials are left out. Ctrl-C ends it.`,
		Example: "  daypass doctor echo --listen 127.0.0.1:9000",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
			if err != nil {
				return err
			}
			c.note("echoing at %s; Ctrl-C ends it", l.Addr())
			return serveEcho(cmd.Context(), l)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9000", "address of the API that it stands in for")
	return cmd
}

func serveEcho(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(answerEcho),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

func answerEcho(w http.ResponseWriter, r *http.Request) {
	e := echo{Echo: echoMark, Method: r.Method, Target: r.RequestURI, Host: r.Host, Headers: r.Header}
	for _, name := range credentialHeaders {
		for i := range r.Header[name] {
			r.Header[name][i] = "present"
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(e) // a client that has gone hears nothing
}

var credentialHeaders = []string{"Authorization", "Api-Key", "Cookie", "Proxy-Authorization"}

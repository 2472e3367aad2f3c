package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/server"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitDenied = 3
)

// trouble is an error as people see it. Its JSON form is stable.
type trouble struct {
	Code    string              `json:"code"`
	Message string              `json:"message"`
	Hint    string              `json:"hint,omitempty"`
	Status  int                 `json:"status,omitempty"` // of HTTP
	Fields  []access.FieldError `json:"fields,omitempty"`
	Request string              `json:"request_id,omitempty"`
	exit    int
}

func (t *trouble) Error() string { return t.Message }

// shown is the error of a command whose output has said everything.
type shown int

func (shown) Error() string { return "" }

// usage is for what is wrong with the command line; the hint leads to the help.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &trouble{Code: "usage", Message: fmt.Sprintf(format, args...), Hint: "see '" + cmd.CommandPath() + " --help'", exit: exitUsage}
}

// failed is for what went wrong here, not at the server.
func failed(code, format string, args ...any) *trouble {
	return &trouble{Code: code, Message: fmt.Sprintf(format, args...), exit: exitFailed}
}

func (t *trouble) advising(hint string) *trouble {
	t.Hint = hint
	return t
}

// report prints an error and returns the exit code.
func (c *cli) report(err error) int {
	var silent shown
	if errors.As(err, &silent) {
		return int(silent)
	}
	t := explainTrouble(err)
	if c.json {
		out := json.NewEncoder(c.err)
		out.SetEscapeHTML(false)
		_ = out.Encode(map[string]*trouble{"error": t}) // there is nowhere left to complain
		return t.exit
	}
	t.print(c.err, paintFor(c.err, c.environ))
	return t.exit
}

func (t *trouble) print(w io.Writer, p paint) {
	fmt.Fprintf(w, "%s %s\n", p.red("error:"), strings.ReplaceAll(inert(t.Message), "\n", "\n       "))
	for _, f := range t.Fields {
		if !strings.Contains(t.Message, f.Message) {
			fmt.Fprintf(w, "       %s: %s\n", line(f.Pointer), line(f.Message))
		}
	}
	if t.Hint != "" {
		fmt.Fprintf(w, "%s  %s\n", p.cyan("hint:"), t.Hint)
	}
	trail := []string{t.Code}
	if t.Status != 0 {
		trail = append(trail, fmt.Sprintf("HTTP %d", t.Status))
	}
	if t.Request != "" {
		trail = append(trail, "request "+t.Request)
	}
	fmt.Fprintf(w, "%s  %s\n", p.dim("code:"), p.dim(line(strings.Join(trail, " · "))))
}

// explainTrouble finds out what kind of error it is.
func explainTrouble(err error) *trouble {
	var (
		own     *trouble
		refusal *daypass.Error
		config  *server.ConfigError
		inside  *access.Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &refusal):
		return ofServer(refusal)
	case errors.As(err, &config):
		return ofConfig(config)
	case errors.As(err, &inside) && inside.Kind != access.Internal:
		return &trouble{Code: inside.Code, Message: inside.Message, Hint: hints[inside.Code], Fields: inside.Fields, exit: exitFailed}
	}
	return ofMachine(err)
}

func ofServer(e *daypass.Error) *trouble {
	t := &trouble{Code: e.Code, Message: e.Message, Status: e.Status, Request: e.RequestID, Hint: hints[e.Code], exit: exitFailed}
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		t.exit = exitDenied
	}
	if e.RetryAfter > 0 && t.Hint == "" {
		t.Hint = fmt.Sprintf("try again in %d seconds", int(e.RetryAfter.Seconds()))
	}
	for _, f := range e.Fields {
		t.Fields = append(t.Fields, access.FieldError(f))
	}
	return t
}

func ofConfig(e *server.ConfigError) *trouble {
	t := &trouble{Code: "invalid_configuration", Message: "the configuration is wrong", Hint: "'daypass config reference' lists every setting", exit: exitUsage}
	for _, p := range e.Problems {
		t.Fields = append(t.Fields, access.FieldError{Pointer: p.Key, Message: p.Message})
	}
	return t
}

// hints say what to do next where the server, which knows nothing of commands, cannot.
var hints = map[string]string{
	"credential_missing": "log in with 'daypass login', set DAYPASS_KEY, or name a file with --key-file",
	"credential_invalid": "is DAYPASS_KEY the key of this server? 'daypass doctor' checks",
	"key_unknown":        "is DAYPASS_KEY the key of this server? 'daypass doctor' checks",
	"scope_exceeded":     "ask for less, or use a key that holds more ('daypass key list')",
	"not_renewable":      "make passes that can be renewed with 'daypass token create --renewable'",
	"token_expired":      "make a new one with 'daypass token create'",
	"unknown_role":       "'daypass role list' shows which there are",
	"unknown_plan":       "'daypass plan list' shows which there are",
	"unexpected_answer":  "--url or DAYPASS_URL names the server",
}

// ofMachine words the errors of this machine and its network.
func ofMachine(err error) *trouble {
	var network *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return failed("interrupted", "interrupted")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed("unreachable", "nothing answers at %s", address(err)).advising("'daypass serve' starts a server; --url or DAYPASS_URL says where it is")
	case errors.As(err, &network) && network.Op == "dial":
		return failed("unreachable", "the server cannot be reached: %v", network.Err).advising("--url or DAYPASS_URL says where it is")
	case errors.Is(err, syscall.ENOSPC):
		return failed("disk_full", "the disk is full: %v", err)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS):
		return failed("permission", "%v", err).advising("check owner and mode of the file or folder")
	}
	return failed("failed", "%s", strings.TrimPrefix(err.Error(), "daypass: "))
}

func address(err error) string {
	var network *net.OpError
	if errors.As(err, &network) && network.Addr != nil {
		return network.Addr.String()
	}
	return "this address"
}

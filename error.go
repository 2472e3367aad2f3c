package daypass

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
)

// Error is a refusal by the server (RFC 9457). Code is stable and snake_case: programs may match on it, as in
//
//	errors.Is(err, &daypass.Error{Code: "not_renewable"})
//
// A server that cannot be reached gives an error of package net/http instead.
type Error struct {
	Status     int    // of HTTP
	Code       string // "unexpected_answer" when what answered is not Daypass
	Message    string // what is wrong and what to do; safe to show
	RequestID  string // names the request in the server's log
	Fields     []FieldError
	RetryAfter time.Duration // zero unless the server said when to come back
}

// FieldError names one wrong member of a request by JSON pointer (RFC 6901), or a wrong parameter by its name.
type FieldError struct {
	Pointer string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is makes errors of one Code equal.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// refused reports whether the server said no to a credential, so that asking with it again is pointless.
func refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// maxAnswer bounds what is read of an answer, in bytes. A full page of the longest items is a tenth of it.
const maxAnswer = 8 << 20

// Answer reads what a method of [Client.API] returns: the value on success, else the [*Error] of the server.
//
//	keys, err := daypass.Answer[api.KeyList](client.API().ListKeys(ctx, "acme", nil))
//
// A success without a body (204) gives nil and no error.
func Answer[T any](response *http.Response, err error) (*T, error) {
	body, err := readAnswer(response, err)
	if err != nil || response.StatusCode == http.StatusNoContent {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(body, value); err != nil {
		return nil, unexpected(response)
	}
	return value, nil
}

// required is [Answer] where a body is part of the contract.
func required[T any](response *http.Response, err error) (*T, error) {
	value, err := Answer[T](response, err)
	if err == nil && value == nil {
		return nil, unexpected(response)
	}
	return value, err
}

// Done reads an answer whose body does not matter: nil on success, else the [*Error] of the server.
func Done(response *http.Response, err error) error {
	_, err = readAnswer(response, err)
	return err
}

// Text reads an answer that is not JSON, such as a resource file in YAML.
func Text(response *http.Response, err error) ([]byte, error) { return readAnswer(response, err) }

func readAnswer(response *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("daypass: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("daypass: reading the answer: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, readProblem(response, body)
	}
	if len(body) > maxAnswer {
		return nil, &Error{Status: response.StatusCode, Code: "answer_too_large", Message: "the answer is longer than a Daypass server would make it; check the address"}
	}
	return body, nil
}

func readProblem(response *http.Response, body []byte) error {
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var p api.Problem
	if !strings.HasSuffix(media, "json") || json.Unmarshal(body, &p) != nil || p.Code == "" {
		return unexpected(response)
	}
	e := &Error{Status: response.StatusCode, Code: p.Code, Message: cmp.Or(p.Detail, p.Title), RetryAfter: retryAfter(response)}
	if p.RequestID != nil {
		e.RequestID = *p.RequestID
	}
	if p.Errors != nil {
		for _, f := range *p.Errors {
			e.Fields = append(e.Fields, FieldError{Pointer: f.Pointer, Message: f.Message})
		}
	}
	return e
}

func unexpected(response *http.Response) error {
	e := &Error{Status: response.StatusCode, Code: "unexpected_answer", RetryAfter: retryAfter(response)}
	e.Message = fmt.Sprintf("%s answered %d in a way that no Daypass server does; check the address", response.Request.URL.Host, response.StatusCode)
	if response.StatusCode >= 300 && response.StatusCode <= 399 {
		e.Message = response.Request.URL.Host + " redirects elsewhere; credentials are not carried along, so name the final address"
	}
	return e
}

// retryAfter reads the header's seconds (RFC 9110, 10.2.3); Daypass does not send dates.
func retryAfter(response *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

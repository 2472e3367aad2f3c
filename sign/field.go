package sign

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the fields that are read.
const (
	MaxFieldBytes  = 8 << 10
	MaxComponents  = 64
	maxParameters  = 16
	maxMembers     = 16
	maxInteger     = 999_999_999_999_999 // RFC 8941, section 3.3.1
	maxIntegerSize = 15                  // digits
)

// ErrMalformed is wrapped by every error of a signature that cannot be read.
var ErrMalformed = errors.New("sign: malformed")

func malformed(what string) error { return &malformedError{what} }

type malformedError struct{ what string }

func (e *malformedError) Error() string { return "sign: " + e.what }
func (e *malformedError) Unwrap() error { return ErrMalformed }

// parameter is one of RFC 8941, section 3.1.2, of the types that signatures use.
type parameter struct {
	name string
	bareItem
}

// bareItem is a string, an integer, or true.
type bareItem struct {
	kind   itemKind
	text   string
	number int64
}

type itemKind uint8

const (
	isTrue itemKind = iota
	isString
	isInteger
)

func textItem(s string) bareItem   { return bareItem{kind: isString, text: s} }
func integerItem(n int64) bareItem { return bareItem{kind: isInteger, number: n} }

// parser reads the subset of Structured Fields (RFC 8941) that signatures are made
// of. It fails at the first byte that does not belong.
type parser struct {
	text string
	at   int
}

func (p *parser) end() bool { return p.at >= len(p.text) }

func (p *parser) next() byte {
	if p.end() {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) take(c byte) bool {
	if p.next() != c || p.end() {
		return false
	}
	p.at++
	return true
}

func (p *parser) skip(blanks string) {
	for !p.end() && strings.IndexByte(blanks, p.next()) >= 0 {
		p.at++
	}
}

// dictionary reads one whole field (section 3.2), whose members value reads.
func dictionary(text string, value func(p *parser, key string) error) error {
	if len(text) > MaxFieldBytes {
		return malformed("the field is too long")
	}
	p := &parser{text: text}
	p.skip(" ")
	var seen [maxMembers]string
	for n := 0; ; n++ {
		key, err := p.key()
		if err != nil {
			return err
		}
		if n == maxMembers {
			return malformed("there are too many members")
		}
		if slices.Contains(seen[:n], key) {
			return malformed("a member comes twice")
		}
		seen[n] = key
		if !p.take('=') {
			return malformed("a member has no value")
		}
		if err := value(p, key); err != nil {
			return err
		}
		p.skip(" \t")
		if p.end() {
			return nil
		}
		if !p.take(',') {
			return malformed("members are separated by commas")
		}
		p.skip(" \t")
	}
}

func (p *parser) key() (string, error) {
	start := p.at
	for !p.end() {
		c := p.next()
		first := 'a' <= c && c <= 'z' || c == '*'
		if !first && (p.at == start || !('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.')) {
			break
		}
		p.at++
	}
	if p.at == start {
		return "", malformed("a key is missing")
	}
	return p.text[start:p.at], nil
}

// innerList reads the components of a signature (section 3.1.1).
func (p *parser) innerList() ([]Component, error) {
	if !p.take('(') {
		return nil, malformed("the components stand in parentheses")
	}
	list := make([]Component, 0, 8)
	for {
		p.skip(" ")
		if p.take(')') {
			return list, nil
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		params, err := p.parameters()
		if err != nil {
			return nil, err
		}
		c, err := component(name, params)
		if err != nil {
			return nil, err
		}
		for _, other := range list {
			if other == c {
				return nil, malformed("a component comes twice")
			}
		}
		if list = append(list, c); len(list) > MaxComponents {
			return nil, malformed("there are too many components")
		}
		if c := p.next(); c != ' ' && c != ')' {
			return nil, malformed("components are separated by spaces")
		}
	}
}

func (p *parser) parameters() (list []parameter, err error) {
	for p.take(';') {
		if list == nil {
			list = make([]parameter, 0, 4)
		}
		p.skip(" ")
		param := parameter{}
		if param.name, err = p.key(); err != nil {
			return nil, err
		}
		for _, other := range list {
			if other.name == param.name {
				return nil, malformed("a parameter comes twice")
			}
		}
		if p.take('=') {
			if param.bareItem, err = p.bare(); err != nil {
				return nil, err
			}
		}
		if list = append(list, param); len(list) > maxParameters {
			return nil, malformed("there are too many parameters")
		}
	}
	return list, nil
}

func (p *parser) bare() (bareItem, error) {
	if c := p.next(); c == '-' || '0' <= c && c <= '9' {
		n, err := p.integer()
		return integerItem(n), err
	}
	s, err := p.str()
	return textItem(s), err
}

func (p *parser) integer() (int64, error) {
	start := p.at
	p.take('-')
	digits := p.at
	for c := p.next(); '0' <= c && c <= '9'; c = p.next() {
		p.at++
	}
	if n := p.at - digits; n == 0 || n > maxIntegerSize || p.next() == '.' {
		return 0, malformed("an integer is wrong")
	}
	return strconv.ParseInt(p.text[start:p.at], 10, 64)
}

func (p *parser) str() (string, error) {
	if !p.take('"') {
		return "", malformed("a string is missing")
	}
	start, escaped := p.at, false
	for !p.end() {
		switch c := p.next(); {
		case c == '"':
			text := p.text[start:p.at]
			p.at++
			if escaped {
				text = unescaper.Replace(text)
			}
			return text, nil
		case c == '\\':
			escaped = true
			p.at++
			if c := p.next(); c != '"' && c != '\\' {
				return "", malformed("a string has a wrong escape")
			}
		case c < 0x20 || c > 0x7e:
			return "", malformed("a string has a character that none may have")
		}
		p.at++
	}
	return "", malformed("a string has no end")
}

var (
	unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
	escaper   = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
)

// bytes reads a byte sequence (section 3.3.5). Its base64 has to be canonical, so
// that no two texts are one signature.
func (p *parser) bytes() ([]byte, error) {
	if !p.take(':') {
		return nil, malformed("a byte sequence stands between colons")
	}
	length := strings.IndexByte(p.text[p.at:], ':')
	if length < 0 {
		return nil, malformed("a byte sequence has no end")
	}
	text := p.text[p.at : p.at+length]
	p.at += length + 1
	if strings.ContainsAny(text, "\r\n") {
		return nil, malformed("a byte sequence is not base64")
	}
	value, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, malformed("a byte sequence is not base64")
	}
	return value, nil
}

// appendString writes a string that has printable ASCII characters only.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	if strings.ContainsAny(s, `"\`) {
		s = escaper.Replace(s)
	}
	b = append(b, s...)
	return append(b, '"')
}

func appendParameters(b []byte, params []parameter) []byte {
	for _, p := range params {
		b = append(append(b, ';'), p.name...)
		switch p.kind {
		case isString:
			b = appendString(append(b, '='), p.text)
		case isInteger:
			b = strconv.AppendInt(append(b, '='), p.number, 10)
		}
	}
	return b
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

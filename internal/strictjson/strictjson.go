package strictjson

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Defaults of the zero [Limits].
const (
	DefaultBytes   = 1 << 20
	DefaultDepth   = 32
	DefaultMembers = 10_000
)

// Limits bounds one text. A zero or negative number stands for the default of its name: no limit can be switched off.
type Limits struct {
	Bytes   int  // length of the whole text, in bytes
	Depth   int  // nesting of objects and arrays; a bare string has depth 0, {} has depth 1
	Members int  // object members and array elements, counted over the whole text
	Strict  bool // refuse object members that the target does not name
}

// Error says where and why a text was refused. It never repeats what the text contained, except for the names of
// members on the way to the place (Pointer), cut to a safe length.
type Error struct {
	Pointer string // RFC 6901; empty for the whole text or where the place is not known
	Offset  int64  // bytes from the start of the text
	Reason  string // a phrase that follows "the JSON is refused: "
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return fmt.Sprintf("the JSON is refused: %s (at byte %d)", e.Reason, e.Offset)
	}
	return fmt.Sprintf("the JSON is refused: %s (at %s, byte %d)", e.Reason, e.Pointer, e.Offset)
}

// Unmarshal reads data, which must be exactly one JSON value, into v. Every error that the text can cause is an *[Error].
func Unmarshal(data []byte, v any, limits Limits) error {
	if err := Check(data, limits); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(limits.Strict)); err != nil {
		return explain(err)
	}
	return nil
}

// Check holds data against the numeric limits without parsing it: one pass, no allocation. A text that passes may still
// not be JSON.
func Check(data []byte, limits Limits) error {
	limits = limits.withDefaults()
	if len(data) > limits.Bytes {
		return &Error{Offset: int64(limits.Bytes), Reason: fmt.Sprintf("it is longer than %d bytes", limits.Bytes)}
	}
	depth, members := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfString(data, i)
		case '{', '[':
			if depth++; depth > limits.Depth {
				return &Error{Offset: int64(i), Reason: fmt.Sprintf("it is nested deeper than %d levels", limits.Depth)}
			}
			if !closesAtOnce(data, i) {
				members++
			}
		case '}', ']':
			depth--
		case ',':
			members++
		}
		if members > limits.Members {
			return &Error{Offset: int64(i), Reason: fmt.Sprintf("it has more than %d members", limits.Members)}
		}
	}
	return nil
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	if l.Members <= 0 {
		l.Members = DefaultMembers
	}
	return l
}

// endOfString returns the index of the quote that ends the string begun at start, or of the last byte.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data) - 1
}

func closesAtOnce(data []byte, open int) bool {
	for _, c := range data[open+1:] {
		switch c {
		case ' ', '\t', '\n', '\r':
			continue
		}
		return c == '}' || c == ']'
	}
	return false
}

func explain(err error) error {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return &Error{
			Pointer: safePointer(syntactic.JSONPointer),
			Offset:  syntactic.ByteOffset,
			Reason:  syntaxReason(syntactic.Err),
		}
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return &Error{
			Pointer: safePointer(semantic.JSONPointer),
			Offset:  semantic.ByteOffset,
			Reason:  semanticReason(semantic),
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &Error{Reason: "it ends too early"}
	}
	return &Error{Reason: "it is not valid JSON"}
}

func syntaxReason(err error) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a member is named twice"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	case err != nil && strings.Contains(err.Error(), "UTF-8"):
		return "it is not valid UTF-8"
	case err != nil && strings.Contains(err.Error(), "after top-level value"):
		return "something follows the value"
	}
	return "it is not valid JSON"
}

func semanticReason(err *json.SemanticError) string {
	if errors.Is(err.Err, json.ErrUnknownName) {
		return "this member is not known here"
	}
	var own *Error
	if errors.As(err.Err, &own) {
		return own.Reason
	}
	if want := kindName(err.GoType); want != "" {
		return "the value must be " + want
	}
	return "the value has the wrong type or form"
}

func kindName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return kindName(t.Elem())
	}
	return ""
}

// maxPointer keeps a hostile member name from filling a response or a log line.
// maxName keeps out what is no name of ours: somebody's credential in a name's place.
const (
	maxPointer = 128
	maxName    = 32
)

func safePointer(p jsontext.Pointer) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, string(p))
	parts := strings.Split(s, "/")
	for i, part := range parts {
		if len(part) > maxName {
			parts[i] = "…"
		}
	}
	s = strings.Join(parts, "/")
	if len(s) <= maxPointer {
		return s
	}
	return strings.ToValidUTF8(s[:maxPointer], "") + "…"
}

package catalog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// maxProblems is how many problems of a file are listed at once.
const maxProblems = 10

// problem is one thing wrong with a resource file.
type problem struct {
	line, column int // from 1
	pointer      string
	message      string
}

func (p problem) String() string {
	return fmt.Sprintf("line %d, column %d: %s", p.line, p.column, p.message)
}

// invalid makes the one error for what is wrong with a resource file: every
// problem has a line of the message and a field of its own.
func invalid(problems ...problem) error {
	return listing(access.New(access.Invalid, "invalid_resources", ""), problems)
}

// listing writes the problems into an error.
func listing(err *access.Error, problems []problem) error {
	lines := make([]string, 0, maxProblems+1)
	for i, p := range problems {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("and %d more", len(problems)-maxProblems))
			break
		}
		lines = append(lines, p.String())
		err.Fields = append(err.Fields, access.FieldError{Pointer: p.pointer, Message: p.String()})
	}
	err.Message = strings.Join(lines, "\n")
	return err
}

// safeMessage is the message of an error that was made to be shown.
func safeMessage(err error) string {
	var known *access.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}

// shorten makes text of a file fit to be repeated in a message: short, one line,
// printable.
func shorten(s string) string {
	const most = 60
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7e && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

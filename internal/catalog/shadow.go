package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
)

// Mode says whether a resource file, or one rule of it, is enforced.
type Mode uint8

const (
	// Enforce is the mode of what names none.
	Enforce Mode = iota
	// Shadow is decided and recorded beside what is enforced, and changes no
	// answer.
	Shadow
)

func (m Mode) String() string { return [...]string{"enforce", "shadow"}[m] }

func (r *reader) mode(n *node) Mode {
	if r.choice(n, Enforce.String(), Shadow.String()) == Shadow.String() {
		return Shadow
	}
	return Enforce
}

// tries reports whether any rule of the file is in shadow mode, or all are.
func (d *Document) tries() bool {
	if d.Mode == Shadow {
		return true
	}
	for i := range d.Resources {
		if d.Resources[i].Mode == Shadow {
			return true
		}
	}
	return false
}

// Tried says what of an application is decided without being enforced.
type Tried uint8

const (
	TriedNothing Tried = iota
	// TriedBeside: a second file stands beside the one that is enforced.
	TriedBeside
	// TriedRules: single rules of the file are in shadow mode.
	TriedRules
	// TriedAlone: the only file there is, is in shadow mode. Nothing is enforced,
	// so everything is denied.
	TriedAlone
)

// String is empty for TriedNothing, else "beside", "rules" or "alone".
func (t Tried) String() string { return [...]string{"", "beside", "rules", "alone"}[t] }

// Shadow is the application as it would be if everything in shadow mode were
// enforced: by the file beside the enforced one if there is one, else by the
// enforced file with all of its rules. Nil: nothing is in shadow mode. Requests
// find their way by the enforced file's hosts and prefix.
func (a *Application) Shadow() *Application { return a.shadow }

// Tried says why [Application.Shadow] is not nil.
func (a *Application) Tried() Tried { return a.tried }

// cast compiles what is tried, if anything is.
func (a *Application) cast() (err error) {
	file := a.Document
	switch {
	case len(a.Application.Shadow) > 0:
		a.tried = TriedBeside
		if file, err = ParseDocument(a.Application.Shadow); err != nil {
			return err
		}
	case file.Mode == Shadow:
		a.tried = TriedAlone
	case file.tries():
		a.tried = TriedRules
	default:
		return nil
	}
	a.shadow, err = indexed(a.Application, file, everyRule)
	return err
}

// everyRule is for [Application.Shadow], enforcedRules for what is enforced.
func everyRule(*Document, *Resource) bool { return true }

func enforcedRules(d *Document, r *Resource) bool { return d.Mode == Enforce && r.Mode == Enforce }

// CompileCandidate compiles a file that is not in force yet as it would be
// enforced: a file in shadow mode as after its promotion, any other as it is.
// Errors are those of [Compile].
func CompileCandidate(app access.Application) (*Application, error) {
	doc, err := ParseDocument(app.Document)
	if err != nil {
		return nil, err
	}
	if doc.Mode == Shadow {
		return indexed(app, doc, everyRule)
	}
	return indexed(app, doc, enforcedRules)
}

// Promote returns the file with every "mode: shadow" made "mode: enforce" and
// every other byte as it was. Where a mode is written in a way that cannot be
// changed in place, the error, of kind Invalid with code invalid_resources, says
// where.
func Promote(file []byte) ([]byte, error) {
	if _, err := ParseDocument(file); err != nil {
		return nil, err
	}
	root, err := parseTree(file)
	if err != nil {
		return nil, err
	}
	modes := shadowModes(root)
	// From the last to the first, so that what stands before keeps its place.
	slices.SortFunc(modes, func(a, b *node) int { return cmp.Or(b.line-a.line, b.column-a.column) })
	text, marked := strings.CutPrefix(string(file), byteOrderMark)
	lines := strings.SplitAfter(text, "\n")
	for _, n := range modes {
		promoted, ok := promoteAt(lines[n.line-1], n.column)
		if !ok {
			return nil, invalid(n.problem("this cannot be changed in place; write mode: enforce here yourself"))
		}
		lines[n.line-1] = promoted
	}
	if marked {
		lines[0] = byteOrderMark + lines[0]
	}
	promoted := []byte(strings.Join(lines, ""))
	_, err = ParseDocument(promoted)
	return promoted, err
}

const byteOrderMark = "\ufeff"

// shadowModes are the values of every mode of the file that says shadow.
func shadowModes(root *node) []*node {
	var modes []*node
	for i, key := range root.keys {
		if key.text == "resources" {
			for _, rule := range root.items[i].items {
				modes = append(modes, shadowModes(rule)...)
			}
		}
		if key.text == "mode" && root.items[i].text == Shadow.String() {
			modes = append(modes, root.items[i])
		}
	}
	return modes
}

// promoteAt changes the word at a column, in characters from 1.
func promoteAt(line string, column int) (string, bool) {
	at := 0
	for range column - 1 {
		_, size := utf8.DecodeRuneInString(line[at:])
		at += size
	}
	word := strings.TrimLeft(line[at:], `"'`)
	rest, ok := strings.CutPrefix(word, Shadow.String())
	return line[:len(line)-len(word)] + Enforce.String() + rest, ok
}

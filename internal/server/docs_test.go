package server_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/server"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const root = "../.."

// TestErrorsPage holds docs/errors.md against the sources: every code that they give away is there, with its statuses and
// an anchor to link to, and no other.
func TestErrorsPage(t *testing.T) {
	given := codesOf(t)
	listed := listedCodes(t)
	for _, code := range slices.Sorted(maps.Keys(given)) {
		have, ok := listed[code]
		if !ok {
			t.Errorf("docs/errors.md does not list %s (%s), which %s gives away", code, given[code].statuses(), given[code].where)
			continue
		}
		want := given[code].statuses()
		if slices.Contains(beforeHTTP, code) {
			want = "start"
		}
		if have != want {
			t.Errorf("docs/errors.md lists %s with status %q; the sources say %q (%s)", code, have, want, given[code].where)
		}
	}
	for code := range listed {
		if given[code] == nil {
			t.Errorf("docs/errors.md lists %s, which nothing gives away", code)
		}
	}
}

// TestConfigurationReference holds docs/configuration.md against the settings; -update writes it.
func TestConfigurationReference(t *testing.T) {
	page := filepath.Join(root, "docs", "configuration.md")
	want := server.ReferenceMarkdown()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/configuration.md is not what the settings say: go test ./internal/server -run TestConfigurationReference -update")
	}
}

// TestLinks follows every relative link of README.md and docs, also to headings and anchors.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		for _, link := range linksOf(t, page) {
			path, anchor, _ := strings.Cut(link, "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", filepath.Base(page), link)
				continue
			}
			if anchor != "" && !slices.Contains(anchorsOf(t, target), anchor) {
				t.Errorf("%s: %s leads to no heading", filepath.Base(page), link)
			}
		}
	}
}

// TestMetricsTable holds the table in docs/operations.md against the metrics there are.
func TestMetricsTable(t *testing.T) {
	source, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern string, text []byte) []string {
		var list []string
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			list = append(list, string(m[1]))
		}
		slices.Sort(list)
		return list
	}
	have, want := names("(?m)^\\| `(daypass_[a-z_]+)` \\|", page), names(`Name: "(daypass_[a-z_]+)"`, source)
	if !slices.Equal(have, want) {
		t.Errorf("docs/operations.md lists the metrics\n%v\nthere are\n%v", have, want)
	}
}

var (
	fencePattern   = regexp.MustCompile("(?ms)^```.*?^```$")
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.*)$`)
	anchorPattern  = regexp.MustCompile(`<a id="([^"]+)">`)
	notInAnchors   = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return fencePattern.ReplaceAllString(string(text), "")
}

func linksOf(t *testing.T, page string) []string {
	var links []string
	for _, m := range linkPattern.FindAllStringSubmatch(prose(t, page), -1) {
		if !strings.Contains(m[1], "://") {
			links = append(links, m[1])
		}
	}
	return links
}

// anchorsOf are those that a page gets from its headings, as GitHub makes them, and those that it sets itself.
func anchorsOf(t *testing.T, page string) []string {
	var anchors []string
	text := prose(t, page)
	for _, m := range headingPattern.FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	for _, m := range anchorPattern.FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, m[1])
	}
	return anchors
}

var rowPattern = regexp.MustCompile("(?m)^\\| <a id=\"([a-z_]+)\"></a>`([a-z_]+)` \\| ([^|]*) \\|")

// listedCodes reads the rows of docs/errors.md: code → status column.
func listedCodes(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, m := range rowPattern.FindAllStringSubmatch(string(page), -1) {
		if m[1] != m[2] {
			t.Errorf("docs/errors.md: the anchor of %s is %s", m[2], m[1])
		}
		if _, twice := listed[m[2]]; twice {
			t.Errorf("docs/errors.md lists %s twice", m[2])
		}
		listed[m[2]] = strings.TrimSpace(m[3])
	}
	return listed
}

// origin is where a code comes from, and the HTTP statuses it comes with.
type origin struct {
	where  string
	status []int
}

// statuses is what the page shows of it.
func (o *origin) statuses() string {
	slices.Sort(o.status)
	switch statuses := slices.Compact(o.status); {
	case len(statuses) == 0:
		return "client" // made by the command or the SDK
	case slices.Equal(statuses, []int{http.StatusInternalServerError}) && !strings.HasSuffix(o.where, "access/error.go"):
		return "log" // clients are told "internal" instead
	default:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(statuses), " ", ", "), "[]")
	}
}

// beforeHTTP are codes that only stop a start, so that their status is never sent.
var beforeHTTP = []string{
	"already_founded", "already_initialized", "invalid_database", "newer_database", "not_initialized", "port_in_use", "wrong_master_key",
}

// codesOf finds every code that non-test sources give away. A code is the second argument of access.New, the Code of an
// error or problem, or what is handed to a function that passes it on as one of those; and every reason of the gate that
// denies.
func codesOf(t *testing.T) map[string]*origin {
	t.Helper()
	s := &scan{files: token.NewFileSet(), codes: make(map[string]*origin)}
	for _, folder := range sourceFolders(t) {
		s.folder(t, folder)
	}
	for _, reason := range gate.Reasons() {
		if reason != gate.Allowed && reason != gate.Public {
			d := gate.Decision{Reason: reason}
			s.add(string(reason), "internal/gate", d.Status())
		}
	}
	return s.codes
}

// sourceFolders are those whose errors users meet.
func sourceFolders(t *testing.T) []string {
	t.Helper()
	folders := []string{root}
	for _, top := range []string{"internal", "cmd", "verify"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if name := entry.Name(); name == "testdata" || name == "gen" || name == "storetest" || name == "gatetest" {
				return filepath.SkipDir
			}
			folders = append(folders, path)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

type scan struct {
	files *token.FileSet
	codes map[string]*origin
}

func (s *scan) add(code, where string, status ...int) {
	o := s.codes[code]
	if o == nil {
		o = &origin{where: where}
		s.codes[code] = o
	}
	o.status = append(o.status, status...)
}

// giver is a function that makes an error of a code it is handed.
type giver struct {
	at     int // of the parameter that is the code
	status []int
}

func (s *scan) folder(t *testing.T, folder string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") {
			continue
		}
		file, err := parser.ParseFile(s.files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	givers := make(map[string]giver)
	// A giver may stand before the one it hands the code to, so look until no more are found.
	for found := -1; found != len(givers); {
		found = len(givers)
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				name, function, body := functionAt(n)
				if body == nil {
					return true
				}
				ast.Inspect(body, func(n ast.Node) bool {
					code, status := codeAt(n, givers)
					if at := parameter(function, code); at >= 0 {
						givers[name] = giver{at, status}
					}
					return true
				})
				return true
			})
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			code, status := codeAt(n, givers)
			if literal, ok := code.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				s.note(text, literal.Pos(), status)
			}
			return true
		})
	}
}

func (s *scan) note(code string, pos token.Pos, status []int) {
	position := s.files.Position(pos)
	s.add(code, strings.TrimPrefix(filepath.ToSlash(position.Filename), root+"/"), status...)
}

// functionAt is a function with a name: declared, or put into a variable.
func functionAt(n ast.Node) (name string, function *ast.FuncType, body *ast.BlockStmt) {
	switch n := n.(type) {
	case *ast.FuncDecl:
		return n.Name.Name, n.Type, n.Body
	case *ast.AssignStmt:
		variable, isName := n.Lhs[0].(*ast.Ident)
		literal, isFunction := n.Rhs[0].(*ast.FuncLit)
		if isName && isFunction {
			return variable.Name, literal.Type, literal.Body
		}
	}
	return "", nil, nil
}

// codeAt is the expression of the code, where n makes an error, and the statuses that go with it, if they can be seen.
func codeAt(n ast.Node, givers map[string]giver) (code ast.Expr, status []int) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := calledName(n.Fun)
		if (name == "access.New" || name == "New") && len(n.Args) == 3 && kindAt(n.Args[0]) != nil {
			return n.Args[1], kindAt(n.Args[0])
		}
		if g, ok := givers[name[strings.LastIndexByte(name, '.')+1:]]; ok && g.at < len(n.Args) {
			return n.Args[g.at], g.status
		}
	case *ast.CompositeLit:
		members := make(map[string]ast.Expr)
		for _, e := range n.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok {
					members[key.Name] = pair.Value
				}
			}
		}
		if members["Kind"] != nil {
			return members["Code"], kindAt(members["Kind"])
		}
		return members["Code"], statusAt(members["Status"])
	}
	return nil, nil
}

func calledName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	return ""
}

func parameter(function *ast.FuncType, e ast.Expr) int {
	name, ok := e.(*ast.Ident)
	if !ok {
		return -1
	}
	at := 0
	for _, field := range function.Params.List {
		for _, p := range field.Names {
			if p.Name == name.Name {
				return at
			}
			at++
		}
	}
	return -1
}

var kinds = map[string]access.Kind{
	"Internal": access.Internal, "Malformed": access.Malformed, "Unauthenticated": access.Unauthenticated, "Forbidden": access.Forbidden,
	"NotFound": access.NotFound, "NotAllowed": access.NotAllowed, "Conflict": access.Conflict, "Precondition": access.Precondition,
	"TooLarge": access.TooLarge, "Unsupported": access.Unsupported, "Invalid": access.Invalid, "TooMany": access.TooMany, "Unavailable": access.Unavailable,
}

// kindAt is the status of an access.Kind; nil for anything else.
func kindAt(e ast.Expr) []int {
	name := calledName(e)
	kind, ok := kinds[name[strings.LastIndexByte(name, '.')+1:]]
	if !ok {
		return nil
	}
	return []int{edge.StatusOf(kind)}
}

var statusTexts = func() map[string]int {
	texts := make(map[string]int)
	for status := 100; status < 600; status++ {
		if text := http.StatusText(status); text != "" {
			texts["Status"+strings.NewReplacer(" ", "", "-", "").Replace(text)] = status
		}
	}
	return texts
}()

// statusAt reads http.StatusBadGateway.
func statusAt(e ast.Expr) []int {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || statusTexts[selector.Sel.Name] == 0 {
		return nil
	}
	return []int{statusTexts[selector.Sel.Name]}
}

package internal_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/daypass/daypass"

// rooms is the floor plan: what each room may import of this module. A room not
// listed may not exist. docs/architecture.md shows the same table with reasons.
var rooms = map[string][]string{
	// Floor 0, contract: public.
	"scope":               {},
	"internal/strictjson": {},
	"verify":              {"scope", "internal/strictjson"},
	"api":                 {},
	"sign":                {},
	".":                   {"api", "verify", "sign"},
	"docs":                {},
	"web":                 {},
	// Floor 1, vocabulary.
	"internal/access": {"scope"},
	"internal/seal":   {"scope"},
	"internal/fetch":  {"internal/access"},
	// Floor 2, engines: none imports another, and store imports none of them.
	"internal/token":     floor1,
	"internal/catalog":   floor1,
	"internal/meter":     floor1,
	"internal/store":     append([]string{"internal/store/gen"}, floor1...),
	"internal/store/gen": {},
	"internal/outside":   append([]string{"internal/fetch"}, floor1...),
	// Floor 3, verbs and office.
	"internal/exchange": engines,
	"internal/gate":     engines,
	"internal/admin":    {"scope", "verify", "internal/access", "internal/seal", "internal/catalog", "internal/outside", "internal/store"},
	"internal/notify":   {"internal/access", "internal/seal"},
	// Floor 4, doors: no SQL.
	"internal/edge":    doors,
	"internal/httpapi": append([]string{"internal/edge", "docs", "web"}, doors...),
}

var (
	floor1  = []string{"scope", "verify", "sign", "api", "internal/strictjson", "internal/access", "internal/seal"}
	engines = append([]string{"internal/token", "internal/catalog", "internal/meter"}, floor1...)
	doors   = append([]string{"internal/exchange", "internal/gate", "internal/admin", "internal/outside"}, engines...)
)

// house sees everything.
var house = []string{"internal/server", "cmd/daypass", "daypasstest", "bench", "e2e"}

// suites are rooms that only tests import; they may see what their tests see.
var suites = []string{"internal/store/storetest", "internal/gate/gatetest"}

// thirdParty bounds the outside imports of the rooms strangers build on.
var thirdParty = map[string][]string{
	"scope":               {},
	"internal/strictjson": {"github.com/go-json-experiment/json"},
	"verify":              {"github.com/go-jose/go-jose/v4", "github.com/go-json-experiment/json"},
	".":                   {},
	"sign":                {},
	"internal/access":     {},
}

func TestFloorPlan(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if room == "" {
			room = "."
		}
		if inHouse(room) || slices.Contains(suites, room) {
			continue
		}
		allowed, planned := rooms[room]
		if !planned {
			t.Errorf("room %s is not on the floor plan", room)
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !slices.Contains(allowed, ours) {
					t.Errorf("%s may not import %s", room, ours)
				}
				continue
			}
			outside, bounded := thirdParty[room]
			if bounded && isThirdParty(imported) && !slices.ContainsFunc(outside, func(lib string) bool {
				return imported == lib || strings.HasPrefix(imported, lib+"/")
			}) {
				t.Errorf("%s may not import %s", room, imported)
			}
		}
	}
}

// TestOnlyStoreSpeaksSQL keeps database/sql out of every other room.
func TestOnlyStoreSpeaksSQL(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		if slices.Contains(p.Imports, "database/sql") && !strings.HasPrefix(room, "internal/store") {
			t.Errorf("%s imports database/sql", room)
		}
	}
}

// TestEveryRoomExplainsItself: a package comment that starts with the package's
// name, in doc.go.
func TestEveryRoomExplainsItself(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasSuffix(p.ImportPath, "/gen") {
			continue
		}
		if p.Doc == "" || !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go with a package comment", p.ImportPath)
		}
		for _, banned := range []string{"util", "utils", "common", "helpers", "types", "models"} {
			if p.Name == banned {
				t.Errorf("%s: no room is called %s", p.ImportPath, banned)
			}
		}
	}
}

func inHouse(room string) bool {
	return slices.ContainsFunc(house, func(h string) bool { return room == h || strings.HasPrefix(room, h+"/") }) ||
		strings.HasPrefix(room, "examples/")
}

func isThirdParty(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

type goPackage struct {
	ImportPath, Name, Doc string
	GoFiles, Imports      []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,GoFiles,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			list = append(list, p)
		}
	}
}

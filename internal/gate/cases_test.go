package gate_test

import (
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/gate/gatetest"
)

// The cases under testdata run through Decide here, and through every door in
// package edge.
func TestCases(t *testing.T) {
	requests := 0
	for _, suite := range append(gatetest.Load(t, "testdata", ""), gatetest.Load(t, "testdata/graphql", "")...) {
		t.Run(suite.Name, func(t *testing.T) {
			g := suite.Gate()
			for _, c := range suite.Cases {
				requests++
				runCase(t, suite, g, c)
			}
		})
	}
	if requests < 60 {
		t.Errorf("only %d cases", requests)
	}
}

func runCase(t *testing.T, suite *gatetest.Suite, g *gate.Gate, c gatetest.Case) {
	t.Helper()
	r, err := c.Request()
	if c.Want.Reason == gatetest.BadPath {
		if problem := access.AsError(err); err == nil || problem.Code != "bad_path" || problem.Kind != access.Malformed {
			t.Errorf("%v: got %v, want bad_path", c, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%v: %v", c, err)
		return
	}
	checked := g.Check(r, c.Bearer)
	if differs := c.Differs(&checked); differs != "" {
		t.Error(differs)
	}
	decided := gate.Decide(r, c.Token, suite.View, suite.Now)
	if garbled := c.Bearer != "" && c.Token == nil; !garbled && decided != checked {
		t.Errorf("%v: Decide %+v, Check %+v", c, decided, checked)
	}
	checkWords(t, c, &checked, gate.Explain(&checked, r, suite.View))
}

// checkWords holds what is said about a decision against the decision.
func checkWords(t *testing.T, c gatetest.Case, d *gate.Decision, e gate.Explanation) {
	t.Helper()
	failed := 0
	for _, check := range e.Checks {
		if check.Outcome == gate.Fail {
			failed++
		}
		if (check.Sentence == "") != (check.Outcome == gate.Skipped) {
			t.Errorf("%v: check %s %s has sentence %q", c, check.Name, check.Outcome, check.Sentence)
		}
	}
	refusal := d.Refusal()
	if d.Allow {
		if failed != 0 || e.Fix != "" || refusal != nil {
			t.Errorf("%v: allowed, with %d failed checks, fix %q, refusal %v", c, failed, e.Fix, refusal)
		}
		return
	}
	if failed != 1 || e.Fix == "" || refusal.Message == "" || refusal.Code != string(d.Reason) {
		t.Errorf("%v: denied, with %d failed checks, fix %q, refusal %v", c, failed, e.Fix, refusal)
	}
}

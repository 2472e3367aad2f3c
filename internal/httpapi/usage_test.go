package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// TestUsageForSpreadsheets: CSV by header or by parameter, page by page, and inert whatever a subject is called.
func TestUsageForSpreadsheets(t *testing.T) {
	h := newHouse(t)
	made := h.send("POST", "/v1/organizations", h.founder, map[string]string{"slug": "acme"})
	org := made.field(t, "id")
	for _, subject := range []string{`=HYPERLINK("http://x")`, "+1", "-1", "@x", "a,b\"c", "plain"} {
		h.records.Used(access.Counted{OrganizationID: org, ApplicationID: "app_1", KeyID: "key_1", Subject: subject, Outcome: "allowed"}, access.LastUse{Time: time.Now()})
	}
	must(t, h.records.Flush(t.Context()))
	get := func(query, accept string) reply {
		return h.send("GET", "/v1/organizations/acme/usage"+query, h.founder, nil, "Accept: "+accept)
	}

	all := get("?outcome=allowed", "text/csv")
	text := string(all.body)
	if all.status != 200 || !strings.HasPrefix(all.header.Get("Content-Type"), "text/csv") || !strings.HasPrefix(text, "day,application,key,subject,outcome,count\r\n") {
		t.Fatalf("%d %v %s", all.status, all.header, text)
	}
	for _, cell := range []string{`,"'=HYPERLINK(""http://x"")",`, ",'+1,", ",'-1,", ",'@x,", `,"a,b""c",`, ",plain,"} {
		if !strings.Contains(text, cell) {
			t.Errorf("%s is missing in\n%s", cell, text)
		}
	}
	lines, query := 0, "?format=csv&limit=4&outcome=allowed"
	for query != "" {
		page := get(query, "*/*")
		lines += strings.Count(string(page.body), "\n") - 1
		_, query, _ = strings.Cut(page.header.Get("Link"), "?")
		if query, _, _ = strings.Cut(query, ">"); query != "" {
			query = "?" + query
		}
	}
	if lines != 6 {
		t.Errorf("%d lines in pages", lines)
	}
	for query, code := range map[string]string{
		"?format=xls": "invalid_parameter", "?limit=0": "invalid_parameter", "?limit=501": "invalid_parameter", "?since=monday": "invalid_parameter",
		"?bucket=hour": "invalid_field", "?cursor=x": "invalid_cursor", "?lmit=5": "unknown_parameter",
	} {
		got := get(query, "application/json")
		if !strings.Contains(string(got.body), `"code":"`+code+`"`) {
			t.Errorf("%s: %s", query, got.body)
		}
		if query == "?lmit=5" && !strings.Contains(string(got.body), `\"lmit\"`) {
			t.Errorf("the parameter is not named: %s", got.body)
		}
	}
}

package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
)

const mediaCSV = "text/csv"

func usageView(u admin.Usage) api.Usage {
	return api.Usage{
		Day: u.Begins.UTC().Format(time.DateOnly), Application: optional(u.ApplicationID), Key: optional(u.KeyID), Subject: optional(u.Subject),
		Outcome: u.Outcome, Count: u.Count,
	}
}

// listUsage answers in JSON, or in CSV where that is asked for.
func (h *Handler) listUsage(w http.ResponseWriter, r *http.Request, c *call) error {
	values := r.URL.Query()
	filter, page, err := usageQuery(values)
	if err != nil {
		return err
	}
	format := values.Get("format")
	if format != "" && format != "csv" && format != "json" {
		return badQuery("format", "write csv or json")
	}
	list, err := h.Admin.Usage(r.Context(), c.caller, r.PathValue("org"), filter, page)
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if format == "csv" || format == "" && !accepts(r, mediaJSON) && accepts(r, mediaCSV) {
		if list.NextCursor != "" {
			values.Set("cursor", list.NextCursor)
			values.Set("format", "csv")
			w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+values.Encode()+`>; rel="next"`)
		}
		return send(w, mediaCSV+"; charset=utf-8", usageCSV(list.Items))
	}
	body, err := json.Marshal(api.UsageList{Items: views(list.Items, usageView), NextCursor: optional(list.NextCursor)})
	if err != nil {
		return err
	}
	return send(w, mediaJSON, append(body, '\n'))
}

func usageQuery(values url.Values) (filter admin.UsageFilter, page admin.Page, err error) {
	if filter.Since, err = timeParameter(values, "since"); err != nil {
		return filter, page, err
	}
	if filter.Until, err = timeParameter(values, "until"); err != nil {
		return filter, page, err
	}
	if values.Has("limit") {
		if page.Limit, err = strconv.Atoi(values.Get("limit")); err != nil || page.Limit < 1 || page.Limit > admin.MaxUsagePage {
			return filter, page, badQuery("limit", "ask for 1 to "+strconv.Itoa(admin.MaxUsagePage)+" lines")
		}
	}
	page.Cursor = values.Get("cursor")
	filter.Bucket = admin.Bucket(values.Get("bucket"))
	filter.Application, filter.Key = values.Get("application"), values.Get("key")
	filter.Subject, filter.Outcome = values.Get("subject"), values.Get("outcome")
	return filter, page, nil
}

func timeParameter(values url.Values, name string) (time.Time, error) {
	if !values.Has(name) {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, values.Get(name))
	if err != nil {
		return t, badQuery(name, "write the time as in 2026-01-05T00:00:00Z")
	}
	return t, nil
}

func usageCSV(list []admin.Usage) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true // RFC 4180
	_ = w.Write([]string{"day", "application", "key", "subject", "outcome", "count"})
	for _, u := range list {
		_ = w.Write([]string{
			u.Begins.UTC().Format(time.DateOnly), inertCell(u.ApplicationID), inertCell(u.KeyID), inertCell(u.Subject), inertCell(u.Outcome),
			strconv.FormatInt(u.Count, 10),
		})
	}
	w.Flush() // a buffer takes everything
	return out.Bytes()
}

// inertCell keeps a spreadsheet from taking text that anyone may have chosen, a subject above all, for a formula.
func inertCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

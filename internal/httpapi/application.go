package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/catalog"
)

func (h *Handler) applicationView(a admin.Application) api.Application {
	out := api.Application{
		ID: a.ID, Slug: a.Slug, Organization: a.Organization, Audience: a.Organization + "/" + a.Slug,
		Active: a.Active, Created: a.Created.UTC(), Revision: a.Revision,
	}
	view := h.Gate.View()
	if view == nil {
		return out
	}
	if app := view.Catalog.Application(a.ID); app != nil {
		out.Shadow, out.Warning = triedOf(app), optional(warningOf(view.Catalog, app))
	}
	return out
}

// warningOf says what somebody who put an application may not have meant; empty: nothing.
func warningOf(c *catalog.Catalog, app *catalog.Application) string {
	if app.Tried() == catalog.TriedAlone {
		return "nothing is enforced yet, so every request is denied; put a file without mode: shadow, or promote this one"
	}
	host, by := c.Taken(app)
	if by == nil {
		return ""
	}
	first := by.Name()
	if by.OrganizationID != app.OrganizationID {
		first = "an application of another organization"
	}
	if host == "" {
		return "gets no requests by their address: those for any host go to " + first + ", which was there first; give it hosts or a prefix of its own"
	}
	return "gets no requests for " + host + ": they go to " + first + ", which was there first; name another host or prefix"
}

func (o operations) ListApplications(ctx context.Context, in api.ListApplicationsRequestObject) (api.ListApplicationsResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Applications(ctx, callerOf(ctx), in.Org, page)
	if err != nil {
		return nil, err
	}
	return api.ListApplications200JSONResponse{Items: views(list.Items, o.h.applicationView), NextCursor: optional(list.NextCursor)}, nil
}

// getApplication gives the file back as it was put, or in the other notation where Accept names only that.
func (h *Handler) getApplication(w http.ResponseWriter, r *http.Request, c *call) error {
	app, err := h.Admin.Application(r.Context(), c.caller, r.PathValue("org"), r.PathValue("app"))
	if err != nil {
		return err
	}
	return sendFile(w, r, app.Document, app.Revision)
}

// sendFile gives a resource file as it was put, or in the other notation where Accept names only that.
func sendFile(w http.ResponseWriter, r *http.Request, document []byte, revision int64) (err error) {
	media, file := mediaYAML, document
	if first := bytes.TrimLeft(file, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		media = mediaJSON
	}
	if other := otherNotation(media); !accepts(r, media) && accepts(r, other) {
		if media, file, err = other, nil, nil; other == mediaJSON {
			file, err = catalog.ToJSON(document)
		} else {
			file, err = catalog.ToYAML(document)
		}
		if err != nil {
			return fmt.Errorf("write a resource file as %s: %w", media, err)
		}
	}
	w.Header().Set("ETag", etag(revision))
	w.Header().Add("Vary", "Accept")
	return send(w, media, file)
}

func otherNotation(media string) string {
	if media == mediaYAML {
		return mediaJSON
	}
	return mediaYAML
}

// accepts reports whether Accept allows a media type (RFC 9110, section 12.5.1). Preference among several is not heeded.
func accepts(r *http.Request, media string) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	if accept == "" {
		return true
	}
	for _, part := range strings.Split(accept, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil || strings.Trim(params["q"], "0.") == "" && params["q"] != "" {
			continue
		}
		if name == media || name == "application/*" || name == "*/*" {
			return true
		}
	}
	return false
}

func (h *Handler) putApplication(w http.ResponseWriter, r *http.Request, c *call) error {
	var condition *api.IfMatch
	if tag := r.Header.Get("If-Match"); tag != "" {
		condition = &tag
	}
	revision, err := ifRevision(condition)
	if err != nil {
		return err
	}
	app, outcome, err := h.Admin.PutApplication(r.Context(), c.caller, r.PathValue("org"), r.PathValue("app"), c.raw, revision)
	if err != nil {
		return err
	}
	body, err := json.Marshal(h.applicationView(app))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(app.Revision))
	w.Header().Set("Content-Type", mediaJSON)
	if outcome == admin.Created {
		w.WriteHeader(http.StatusCreated)
	}
	w.Write(append(body, '\n'))
	return nil
}

func (o operations) UpdateApplication(ctx context.Context, in api.UpdateApplicationRequestObject) (api.UpdateApplicationResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	app, err := o.h.Admin.SetApplicationActive(ctx, callerOf(ctx), in.Org, in.App, in.Body.Active, revision)
	if err != nil {
		return nil, err
	}
	return api.UpdateApplication200JSONResponse{Body: o.h.applicationView(app), Headers: api.UpdateApplication200ResponseHeaders{ETag: etag(app.Revision)}}, nil
}

func (o operations) DeleteApplication(ctx context.Context, in api.DeleteApplicationRequestObject) (api.DeleteApplicationResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteApplication(ctx, callerOf(ctx), in.Org, in.App, revision); err != nil {
		return nil, err
	}
	return api.DeleteApplication204Response{}, nil
}

package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

// orNoShadow passes over that an application has no file in shadow mode.
func orNoShadow(err error) error {
	if err != nil && strings.Contains(err.Error(), "no file is tried") {
		return nil
	}
	return err
}

// A file in shadow mode goes beside the enforced one, and any other takes the place of both.
func TestShadowFiles(t *testing.T) {
	w := newWorld(t)
	enforced := document("photos")
	shadow := append([]byte("mode: shadow\n"), enforced...)
	other := append([]byte("# another\nmode: shadow\n"), enforced...)
	put := func(file []byte, want admin.Outcome, document, beside []byte) {
		t.Helper()
		app, did, err := w.PutApplication(w.ctx, w.root, "acme", "photos", file, admin.AnyRevision)
		if err != nil || did != want || string(app.Document) != string(document) || string(app.Shadow) != string(beside) {
			t.Fatalf("%s, %v: document %q, shadow %q", did, err, app.Document, app.Shadow)
		}
		stored := must(w.Application(w.ctx, w.root, "acme", "photos"))(t)
		if string(stored.Document) != string(document) || string(stored.Shadow) != string(beside) || stored.Revision != app.Revision {
			t.Fatalf("stored: document %q, shadow %q", stored.Document, stored.Shadow)
		}
	}
	put(shadow, admin.Created, shadow, nil) // nothing is enforced yet
	put(other, admin.Changed, other, nil)
	put(enforced, admin.Changed, enforced, nil)
	_, err := w.Shadow(w.ctx, w.root, "acme", "photos")
	w.refused(err, "not_found")
	put(shadow, admin.Changed, enforced, shadow)
	put(shadow, admin.Same, enforced, shadow)
	put(other, admin.Changed, enforced, other)
	app := must(w.Shadow(w.ctx, w.root, "acme", "photos"))(t)
	w.refused(w.DropShadow(w.ctx, w.root, "acme", "photos", app.Revision-1), "precondition_failed")
	if _, err := w.SetApplicationActive(w.ctx, w.root, "acme", "photos", false, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	must(w.Shadow(w.ctx, w.root, "acme", "photos"))(t) // is kept while the application is off
	if err := w.DropShadow(w.ctx, w.root, "acme", "photos", admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.refused(w.DropShadow(w.ctx, w.root, "acme", "photos", admin.AnyRevision), "not_found")
	put(shadow, admin.Changed, enforced, shadow)
	put(enforced, admin.Changed, enforced, nil)

	_, _, err = w.PutApplication(w.ctx, w.root, "acme", "photos", []byte("mode: shadow\napplication: videos\n"), admin.AnyRevision)
	w.refused(err, "invalid_resources")
}

func (w *world) remember(facts ...access.Fact) {
	w.Helper()
	if err := w.store.WriteFacts(w.ctx, access.FactBatch{Facts: facts}); err != nil {
		w.Fatal(err)
	}
}

// Facts are of one application, and those of an earlier file say nothing of the file in shadow mode.
func TestFactsAreTheApplications(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	w.application("acme", "videos")
	globex := w.organization("globex")
	photos := must(w.Application(w.ctx, w.root, "acme", "photos"))(t)
	videos := must(w.Application(w.ctx, w.root, "acme", "videos"))(t)
	fact := func(org, app string, revision int64, path string) access.Fact {
		return access.Fact{First: w.now, Last: w.now, Count: 1, FactKey: access.FactKey{OrganizationID: org, ApplicationID: app, Revision: revision, Method: "GET", Path: path}}
	}
	w.remember(
		fact(photos.OrganizationID, photos.ID, photos.Revision-1, "/older"), fact(photos.OrganizationID, photos.ID, photos.Revision, "/now"),
		fact(videos.OrganizationID, videos.ID, videos.Revision, "/video"), fact(globex.ID, photos.ID, photos.Revision, "/foreign"),
	)
	var paths []string
	note := func(f *access.Fact) error { paths = append(paths, f.Path); return nil }
	begun := 0
	facts, err := w.ReplayFacts(w.ctx, w.root, "acme", "photos", admin.FactFilter{}, func(a admin.Application) error { begun++; return nil }, note)
	if err != nil || facts.More || begun != 1 || strings.Join(paths, " ") != "/now /older" {
		t.Errorf("replayed %v, begun %d times, %v", paths, begun, err)
	}
	paths = nil
	if _, err := w.CompareShadow(w.ctx, w.root, "acme", "photos", admin.FactFilter{}, note); err != nil || strings.Join(paths, " ") != "/now" {
		t.Errorf("compared %v, %v", paths, err)
	}
	paths = nil
	facts, err = w.ReplayFacts(w.ctx, w.root, "acme", "photos", admin.FactFilter{Limit: 1}, func(admin.Application) error { return nil }, note)
	if err != nil || !facts.More || len(paths) != 1 {
		t.Errorf("of two facts one: %v, more %v, %v", paths, facts.More, err)
	}
	begun = 0
	if _, err := w.ReplayFacts(w.ctx, w.root, "acme", "photos", admin.FactFilter{Since: w.now.Add(time.Hour)}, func(admin.Application) error { begun++; return nil }, note); err != nil || begun != 1 {
		t.Errorf("without facts the file is looked at %d times, %v", begun, err)
	}
}

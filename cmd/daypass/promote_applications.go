package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

func readApplications(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	apps, _, err := listApplications(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, a := range apps {
		text, err := resourceFile(ctx, client, org, a.Slug, "application/yaml")
		if err != nil {
			return nil, err
		}
		texts[a.Slug] = ended(text)
	}
	return texts, nil
}

// ended is a text with one line feed at its end.
func ended(text []byte) []byte { return append(bytes.TrimRight(text, "\n"), '\n') }

func checkApplication(org, name string, text []byte) ([]byte, error) {
	return text, compileResources(text, access.Application{Slug: name, Organization: org})
}

// writeApplication puts the enforced file, and puts the one in shadow mode beside it again, which goes with it.
func writeApplication(ctx context.Context, e *edit) error {
	tag, err := e.unchanged(e.client.GetApplication(ctx, e.org, e.name, accepting("application/yaml")))
	if err != nil {
		return err
	}
	tried, err := daypass.Text(e.client.GetShadow(ctx, e.org, e.name))
	if err != nil && !errors.Is(err, &daypass.Error{Code: "not_found"}) {
		return err
	}
	if err := e.put(ctx, e.after, tag); err != nil || tried == nil {
		return err
	}
	return e.put(ctx, tried, nil)
}

func (e *edit) put(ctx context.Context, file []byte, tag *string) error {
	err := daypass.Done(e.client.PutApplicationWithBody(ctx, e.org, e.name, &api.PutApplicationParams{IfMatch: tag}, mediaType(file), bytes.NewReader(file)))
	if errors.Is(err, &daypass.Error{Code: "precondition_failed"}) {
		return errChangedMeanwhile
	}
	return err
}

// unchanged holds that the server's answer is what was seen before, and returns its entity tag; nil: it is not there yet.
func (e *edit) unchanged(response *http.Response, err error) (*string, error) {
	text, err := daypass.Text(response, err)
	switch {
	case errors.Is(err, &daypass.Error{Code: "not_found"}):
		if e.before != nil {
			return nil, errChangedMeanwhile
		}
		return nil, nil
	case err != nil:
		return nil, err
	case e.before == nil || !bytes.Equal(ended(text), ended(e.before)):
		return nil, errChangedMeanwhile
	}
	tag := response.Header.Get("ETag")
	return &tag, nil
}

func removeApplication(ctx context.Context, e *edit) error {
	return daypass.Done(e.client.DeleteApplication(ctx, e.org, e.name, nil))
}

func readShadows(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	apps, _, err := listApplications(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, a := range apps {
		if value(a.Shadow) != api.ApplicationShadowBeside {
			continue
		}
		text, err := daypass.Text(client.GetShadow(ctx, org, a.Slug, accepting("application/yaml")))
		if err != nil {
			return nil, err
		}
		texts[a.Slug] = ended(text)
	}
	return texts, nil
}

func checkShadow(org, name string, text []byte) ([]byte, error) {
	_, err := catalog.CompileCandidate(access.Application{Slug: name, Organization: org, Document: text})
	if err == nil && !inShadowMode(text) {
		err = errors.New("a file that is tried beside the enforced one says mode: shadow")
	}
	return text, err
}

// inShadowMode reports whether a whole file is in shadow mode.
func inShadowMode(file []byte) bool {
	doc, err := catalog.ParseDocument(file)
	return err == nil && doc.Mode == catalog.Shadow
}

func writeShadow(ctx context.Context, e *edit) error {
	tag, err := e.unchanged(e.client.GetShadow(ctx, e.org, e.name, accepting("application/yaml")))
	if err != nil {
		return err
	}
	return e.put(ctx, e.after, tag)
}

func removeShadow(ctx context.Context, e *edit) error {
	return daypass.Done(e.client.DropShadow(ctx, e.org, e.name, nil))
}

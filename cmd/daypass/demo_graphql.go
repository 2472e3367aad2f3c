package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// albumsGraphQL is the sample's GraphQL door: a query albums and a mutation CreateAlbum. Like the rest of the sample it knows
// nothing of passes.
func albumsGraphQL(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Query string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&ask); err != nil {
		http.Error(w, "not a GraphQL request", http.StatusBadRequest)
		return
	}
	answer, err := json.Marshal(answerGraphQL(ask.Query))
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // else the caller has gone
}

type (
	graphqlObject  map[string]any
	graphqlProblem struct {
		Message string `json:"message"`
	}
	graphqlAnswer struct {
		Data   graphqlObject    `json:"data,omitempty"`
		Errors []graphqlProblem `json:"errors,omitempty"`
	}
)

func answerGraphQL(query string) graphqlAnswer {
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil || len(document.Operations) != 1 {
		return graphqlAnswer{Errors: []graphqlProblem{{"send one operation"}}}
	}
	data := graphqlObject{}
	for _, field := range fieldsOf(document.Operations[0].SelectionSet) {
		album := graphqlObject{"id": "7", "title": "Lighthouses"}
		switch field.Name {
		case "albums":
			data[field.Alias] = []graphqlObject{selected(album, field)}
		case "CreateAlbum":
			album["id"] = "8"
			if title := field.Arguments.ForName("title"); title != nil {
				album["title"] = title.Value.Raw
			}
			data[field.Alias] = selected(album, field)
		default:
			return graphqlAnswer{Errors: []graphqlProblem{{"there is no such field"}}}
		}
	}
	return graphqlAnswer{Data: data}
}

// fieldsOf are the plain fields of a selection; this sample has no fragments.
func fieldsOf(set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	for _, selection := range set {
		if field, ok := selection.(*ast.Field); ok {
			fields = append(fields, field)
		}
	}
	return fields
}

func selected(from graphqlObject, by *ast.Field) graphqlObject {
	object := graphqlObject{}
	for _, field := range fieldsOf(by.SelectionSet) {
		object[field.Alias] = from[field.Name]
	}
	return object
}

// playGraphQL shows that one URL with many doors behind it is guarded door by door.
func (d *stage) playGraphQL(ctx context.Context) error {
	create := act{
		method: "POST", url: d.gateway + "/graphql",
		body: `{"query":"mutation { CreateAlbum(title: \"Storms\") { id title } }"}`,
	}
	denied := create
	denied.title, denied.say = "GraphQL is no way around", "One URL, many doors: the gateway reads what is asked, and says which scope that needs."
	denied.headers, denied.want = []string{"Authorization: Bearer $PASS"}, 403
	denied.within, denied.members = firstExtensions, []string{"code", "reason", "missing", "field"}
	if err := d.perform(ctx, denied); err != nil {
		return err
	}
	if err := d.perform(ctx, act{
		title: "A pass for this one mutation", say: "The key may do more, so it can buy it.",
		method: "POST", url: d.api + "/v1/tokens", headers: []string{"Api-Key: $KEY"},
		body: `{"expires_in":60,"scopes":["Mutation:Album:Create"],"audience":"photos","no_ip_protection":true}`,
		want: 200, members: []string{"token", "token_type", "expires_in"}, keep: map[string]*string{"token": &d.creator},
	}); err != nil {
		return err
	}
	allowed := create
	allowed.title, allowed.say = "With it the mutation goes through", "The API gets what was judged, written anew: never the text that was sent."
	allowed.headers, allowed.want = []string{"Authorization: Bearer $CREATOR"}, 200
	return d.perform(ctx, allowed)
}

// firstExtensions is what a GraphQL error says to programs.
func firstExtensions(body []byte) []byte {
	var answer struct {
		Errors []struct{ Extensions json.RawMessage }
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		return body
	}
	return answer.Errors[0].Extensions
}

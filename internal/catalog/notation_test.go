package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/catalog"
)

// TestNotationsSayTheSame: a file put as YAML, read as JSON, and turned back,
// parses to the same document; scopes in flow lists survive.
func TestNotationsSayTheSame(t *testing.T) {
	const file = `application: photos
hosts: ["photos.example.com"]
upstream: http://127.0.0.1:9000
resources:
  - match: POST /photos # comment
    require: { scopes: [photos:write, "a:b"], roles: [consumer], in: application }
    comment: "yes"
  - match: "*  /**"
    access: public
`
	const want = `{
  "application": "photos",
  "hosts": [
    "photos.example.com"
  ],
  "upstream": "http://127.0.0.1:9000",
  "resources": [
    {
      "match": "POST /photos",
      "require": {
        "scopes": [
          "photos:write",
          "a:b"
        ],
        "roles": [
          "consumer"
        ],
        "in": "application"
      },
      "comment": "yes"
    },
    {
      "match": "*  /**",
      "access": "public"
    }
  ]
}
`
	asJSON, err := catalog.ToJSON([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(asJSON)); diff != "" {
		t.Fatal(diff)
	}
	asYAML, err := catalog.ToYAML(asJSON)
	if err != nil {
		t.Fatal(err)
	}
	again, err := catalog.ToJSON(asYAML)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(again)); diff != "" {
		t.Fatalf("%s\n%s", asYAML, diff)
	}
}

package httpapi

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/seal"
)

// FuzzDecode: what is accepted means the same to the generated decoder, which is the lenient one.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"scopes":["a"],"ips":["request_ip"]}`, `{"scopes":["a"],"Scopes":["*"]}`, `{"scopes":["a"],"scopes":["*"]}`,
		`{"scopes":null}`, `{"scopes":["a"],"expires_in":1e2}`, "{\"scopes\":[\"\xff\"]}", `{"scopes":["\ud800"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var strict, lenient api.KeyCreate
		if decode(raw, &strict, DefaultMaxBody, maxMembers) != nil {
			return
		}
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&lenient); err != nil || !reflect.DeepEqual(strict, lenient) {
			t.Errorf("%q is read as %+v and as %+v (%v)", raw, strict, lenient, err)
		}
	})
}

// FuzzQuery: no spelling of a query carries a key past the check.
func FuzzQuery(f *testing.F) {
	key := seal.NewKeyText(seal.KindLive)
	f.Add("a=", "&b=c", false)
	f.Add("a=%zz&b=", ";c", true)
	f.Add("", "", true)
	f.Fuzz(func(t *testing.T, before, after string, escaped bool) {
		text := key
		if escaped {
			text = "%64" + url.QueryEscape(key[1:])
		}
		if _, err := readQuery(before + "&k=" + text + "&" + after); err == nil {
			t.Errorf("%q and %q carried a key", before, after)
		}
	})
}

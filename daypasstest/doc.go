// Package daypasstest runs the real Daypass server inside a test: on loopback, with free ports and its data in memory.
//
//	func TestPhotos(t *testing.T) {
//		d := daypasstest.Start(t)
//		d.Application(t, "application: photos\nupstream: "+photos.URL+"\nresources: [{match: GET /albums/**, require: {scopes: [photos:read]}}]")
//		key := d.Key(t, "photos:read")
//		…
//	}
//
// It owns the set-up and the tearing down, and fails the test where those fail. It refuses to imitate: what a test sees is
// what a server does, and there is nothing to configure that would make it lenient.
package daypasstest

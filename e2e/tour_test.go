package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBrowserTour looks at pages that are full of what a fortnight leaves, and at every
// dialog. The pictures of the documentation are made by it:
//
//	SCREENSHOTS=$PWD/docs/images go test ./e2e -run TestBrowserTour
//
// With TOUR=all in the environment there is a picture of each dialog too, in both themes and sizes.
func TestBrowserTour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fortnight()
	browse(t, w, "tour.mjs")
}

// fortnight lives through the fourteen days before now: members and their keys, requests
// that are let through and refused, a key that is rolled.
func (w *world) fortnight() {
	const days = 14
	w.offset.Store(int64(-(days - 1) * 24 * time.Hour))
	w.serve("acme", "photos", strings.ReplaceAll(photosOfAcme, "INTERNAL", "UPSTREAM"))
	w.serve("acme", "orders", ordersOfAcme)
	w.must(201, "PUT", orgPath("acme", "/plans/standard"), w.founder, object{"name": "Standard", "limits": []object{{"rate": "600/m", "per": "key"}}})
	clients := []struct {
		member
		per int // requests a day
	}{
		{w.member("acme", object{"name": "Web shop", "email": "shop@acme.example", "roles": []string{"consumer", "developer@orders"}, "comment": "Front end of the shop", "scopes": []string{"photos:read", "orders:*"}}), 14},
		{w.member("acme", object{"name": "Photo backend", "email": "photos@acme.example", "roles": []string{"application_manager@photos"}, "comment": "Uploads and thumbnails", "scopes": []string{"photos:*"}}), 9},
		{w.member("acme", object{"name": "Nightly reports", "roles": []string{"consumer"}, "comment": "Runs at 02:00", "scopes": []string{"*"}}), 4},
		{w.member("acme", object{"name": "Partner gateway", "email": "gateway@partner.example", "roles": []string{"consumer@photos"}, "comment": "Ends with the contract", "scopes": []string{"photos:read"}}), 6},
		{w.member("acme", object{"name": "Order desk", "email": "desk@acme.example", "roles": []string{"account_manager"}, "comment": "Looks after the accounts", "scopes": []string{"orders:read", "daypass:keys:read"}}), 2},
	}
	for day := range days {
		for w.send("POST", "/v1/tokens", w.founder, nil).status == 503 {
			time.Sleep(20 * time.Millisecond) // until it has heard of revocations by its new clock
		}
		for i, c := range clients {
			pass := w.pass(c.key, object{"expires_in": 3600})
			for n := range c.per + (day*7+i*3)%5 {
				target := w.gateway + fmt.Sprintf("/photos/%d", n)
				switch method := "GET"; {
				case n%7 == 6:
					w.send("DELETE", target, pass, nil, "Host: photos.acme.example")
				case n%5 == 4:
					method = "POST"
					fallthrough
				default:
					w.send(method, target, pass, nil, "Host: photos.acme.example")
				}
			}
		}
		if day == 9 {
			w.must(200, "POST", orgPath("acme", "/keys/"+clients[1].keyID+"/rotate"), w.founder, object{"overlap": 7 * 86_400})
		}
		w.offset.Add(int64(24 * time.Hour))
	}
	w.offset.Store(0)
	w.serve("acme", "photos", strings.ReplaceAll(photosOfAcme, "INTERNAL", "http://photos.internal.example:8080"))
}

const photosOfAcme = `# The photo API, as the world sees it
hosts: [photos.acme.example]
upstream: INTERNAL

resources:
  - match: GET /health
    access: public
  - match: GET /photos/**
    require: { scopes: [photos:read] }
  - match: POST /photos/**
    require: { scopes: [photos:write] }
  - match: DELETE /photos/**
    require: { scopes: [photos:delete], roles: [application_manager] }
`

const ordersOfAcme = `hosts: [orders.acme.example]
upstream: http://orders.internal.example:8080
resources:
  - match: GET /orders/**
    require: { scopes: [orders:read] }
  - match: POST /orders
    require: { scopes: [orders:write] }
`

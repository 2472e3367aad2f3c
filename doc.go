// Package daypass is the Go client of Daypass: it exchanges a long-lived key for passes (short-lived, narrow tokens) and
// keeps requests supplied with a fresh one.
//
//	client, err := daypass.New("https://pass.example.com", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
//	…
//	passes := client.TokenSource(daypass.ExchangeRequest{Life: time.Hour, Scopes: []string{"photos:read"}})
//	transport, err := daypass.NewTransport(passes, "https://photos.example.com")
//	…
//	photos := &http.Client{Transport: transport}
//	response, err := photos.Get("https://photos.example.com/albums/7")
//
// It owns the exchange ([Client.Exchange], [Client.Renew], [Client.Narrow]), the care of a pass over its life
// ([TokenSource]) and its way into requests ([Transport]). Everything else that a server can do is one call of
// [Client.API] away.
//
// # What it refuses
//
// Credentials go to the server they are meant for and nowhere else: no redirect of the server is followed, and a
// Transport adds the pass only for the origins it was given. Answers are read up to a limit. Keys and passes do not
// appear in errors, and a [Token] prints without its text.
//
// A service that checks passes needs the package verify instead.
package daypass

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/web"
)

func newDemoCommand(c *cli) *cobra.Command {
	var (
		listen, gateway string
		once            bool
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole story with real requests; needs nothing",
		Long: `Start a server in a temporary folder, with an organization and a sample API behind its gateway, and walk through the
story with real requests, each printed as curl with its answer: a key becomes a pass, the pass opens a door and no
other, GraphQL is guarded field by field, the key is deleted, and the same pass is refused. Then it serves on until
Ctrl-C, for you to try things, in the dashboard too.`,
		Example: "  daypass demo\n  daypass demo --once",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runDemo(cmd.Context(), listen, gateway, once)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the API; port 0 picks one")
	cmd.Flags().StringVar(&gateway, "gateway", "127.0.0.1:0", "address of the gateway; port 0 picks one")
	cmd.Flags().BoolVar(&once, "once", false, "end after the walk")
	return cmd
}

// stage is what the demo plays on.
type stage struct {
	c                *cli
	api, gateway     string // base addresses
	photos           string
	admin, key, pass string // credentials, as they come up
	creator          string // a pass for one mutation
	keyID            string
	step             int
}

func (c *cli) runDemo(ctx context.Context, listen, gateway string, once bool) error {
	folder, err := os.MkdirTemp("", "daypass-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	photos, err := startPhotos()
	if err != nil {
		return err
	}
	defer photos.Close()

	config := server.DefaultConfig()
	config.Data, config.Listen, config.Gateway, config.Ops = folder, listen, gateway, "off"
	config.LogLevel, config.LogFormat = "error", "text"
	made, err := server.Init(ctx, config, server.InitOptions{Organization: "acme"})
	if err != nil {
		return err
	}
	s, err := server.New(ctx, config, server.Options{Version: versionText(), Log: c.err})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(serving) }()

	at := s.Addresses()
	d := &stage{c: c, api: "http://" + at.Listen, gateway: "http://" + at.Gateway, photos: photos.address, admin: made.Key}
	err = d.play(ctx)
	if err == nil && !once {
		d.invite()
		select {
		case <-ctx.Done():
		case err = <-ended:
			ended <- nil
		}
	}
	stop()
	return errors.Join(err, <-ended)
}

// photosAPI is the sample behind the gateway. It knows nothing of passes.
type photosAPI struct {
	*http.Server
	address string
}

func startPhotos() (*photosAPI, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	albums := http.NewServeMux()
	albums.HandleFunc("GET /albums/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"album":%q,"title":"Lighthouses","shown_to":%q}`, r.PathValue("id"), r.Header.Get("X-Daypass-Subject"))
	})
	albums.HandleFunc("POST /albums", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})
	albums.HandleFunc("POST /graphql", albumsGraphQL)
	p := &photosAPI{Server: &http.Server{Handler: albums, ReadHeaderTimeout: 5 * time.Second}, address: "http://" + l.Addr().String()}
	go func() { _ = p.Serve(l) }() // ends with Close
	return p, nil
}

const photosRules = `application: photos
upstream: %s
resources:                    # the first that matches counts; what none matches is denied
  - match: GET /albums/**
    require: { scopes: [photos:read] }
  - match: POST /albums
    require: { scopes: [photos:write] }
  - match: POST /graphql
    graphql:
      query: { scopes: [photos:read] }
      mutation: { scope: "Mutation:{type}:{action}" }    # CreateAlbum needs Mutation:Album:Create
`

// act is one request of the story, as it is printed and as it is sent.
type act struct {
	title   string
	say     string // what it means, for people
	method  string
	url     string
	headers []string // with $ADMIN, $KEY and $PASS
	body    string
	want    int
	within  func([]byte) []byte // the part of the answer to show; nil: the whole
	members []string            // of the answer, those worth showing; all if none are named
	keep    map[string]*string  // members of the answer to remember
}

func (d *stage) play(ctx context.Context) error {
	client, err := d.c.clientOf(d.api, d.admin)
	if err != nil {
		return err
	}
	if err := d.c.putQuietly(ctx, client, fmt.Sprintf(photosRules, d.photos)); err != nil {
		return err
	}
	d.introduce()
	keys := d.api + "/v1/organizations/acme/keys"
	bearer := []string{"Authorization: Bearer $PASS"}
	readAlbum := act{method: "GET", url: d.gateway + "/albums/7", headers: bearer}

	if err := d.perform(ctx, act{
		title: "A key is made", say: "It is long-lived, so it stays at home, in the backend of the photo shop.",
		method: "POST", url: keys, headers: []string{"Api-Key: $ADMIN"}, body: `{"comment":"photo shop","scopes":["photos:*","Mutation:Album:*"]}`,
		want: 201, members: []string{"key", "id", "comment", "scopes"}, keep: map[string]*string{"key": &d.key, "id": &d.keyID},
	}); err != nil {
		return err
	}
	if err := d.perform(ctx, act{
		title: "The key buys a pass", say: "For a browser: good for an hour, to read, and for the photos API only.",
		method: "POST", url: d.api + "/v1/tokens", headers: []string{"Api-Key: $KEY"},
		body: `{"expires_in":3600,"scopes":["photos:read"],"audience":"photos","no_ip_protection":true}`,
		want: 200, members: []string{"token", "token_type", "expires_in"}, keep: map[string]*string{"token": &d.pass},
	}); err != nil {
		return err
	}
	allowed := readAlbum
	allowed.title, allowed.say, allowed.want = "The pass opens the door", "The gateway checks it and hands the request on. The API learns who is asking.", 200
	if err := d.perform(ctx, allowed); err != nil {
		return err
	}
	if err := d.perform(ctx, act{
		title: "It opens no other", say: "Writing was not asked for. The refusal says what is missing …",
		method: "POST", url: d.gateway + "/albums", headers: bearer, body: `{"title":"Mine now"}`,
		want: 403, members: []string{"status", "code", "detail"},
	}); err != nil {
		return err
	}
	if err := d.explain(ctx, client); err != nil {
		return err
	}
	if err := d.playGraphQL(ctx); err != nil {
		return err
	}
	if err := d.perform(ctx, act{
		title: "The key is deleted", say: "Somebody leaves, or the key leaks.",
		method: "DELETE", url: keys + "/" + d.keyID, headers: []string{"Api-Key: $ADMIN"}, want: 204,
	}); err != nil {
		return err
	}
	refused := readAlbum
	refused.title, refused.say, refused.want = "The very same pass is refused", "It has most of its hour left, and it is dead: on the next request, with no look-up.", 401
	refused.members = []string{"status", "code", "detail"}
	return d.perform(ctx, refused)
}

// clientOf is a client of a server other than the one in the settings.
func (c *cli) clientOf(url, key string) (*daypass.Client, error) {
	c.settings.URL = url
	return c.clientAs(key)
}

func (c *cli) putQuietly(ctx context.Context, client *daypass.Client, rules string) error {
	return daypass.Done(client.API().PutApplicationWithBody(ctx, "acme", "photos", nil, "application/yaml", strings.NewReader(rules)))
}

func (d *stage) introduce() {
	c := d.c
	if c.json {
		return
	}
	c.say("\n  %s  keep the key, hand out a day pass\n", c.paint.bold("daypass"))
	c.say("  %s  %s", c.paint.dim("api    "), d.api)
	c.say("  %s  %s", c.paint.dim("gateway"), d.gateway)
	c.say("  %s  %s  %s", c.paint.dim("photos "), d.photos, c.paint.dim("a sample API behind the gateway, under these rules:"))
	c.say("")
	for _, l := range strings.Split(strings.TrimSpace(fmt.Sprintf(photosRules, d.photos)), "\n") {
		c.say("    %s", c.paint.dim(l))
	}
	c.say("\n  %s", c.paint.dim("$ADMIN is the administrator's key; $KEY, $PASS and $CREATOR are made on the way."))
}

// staged is one step with --json: one object a line.
type staged struct {
	Step   int             `json:"step"`
	Title  string          `json:"title"`
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

// perform prints a request as curl, sends it, prints the answer, and fails if that is not as the story goes.
func (d *stage) perform(ctx context.Context, a act) error {
	d.step++
	if !d.c.json {
		d.c.say("\n%s  %s\n   %s\n", d.c.paint.bold(strconv.Itoa(d.step)), d.c.paint.bold(a.title), d.c.paint.dim(a.say))
		d.printCurl(a)
	}
	status, body, err := d.send(ctx, a)
	if err != nil {
		return err
	}
	if d.c.json {
		err = json.NewEncoder(d.c.out).Encode(staged{d.step, a.title, a.method, a.url, status, body})
	} else {
		d.printAnswer(a, status, body)
	}
	if status != a.want {
		return errors.Join(err, failed("demo", "step %d was answered %d, not %d", d.step, status, a.want))
	}
	return err
}

func (d *stage) send(ctx context.Context, a act) (int, json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, a.method, a.url, strings.NewReader(a.body))
	if err != nil {
		return 0, nil, err
	}
	credentials := map[string]string{"ADMIN": d.admin, "KEY": d.key, "PASS": d.pass, "CREATOR": d.creator}
	for _, h := range a.allHeaders() {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, os.Expand(value, func(name string) string { return credentials[name] }))
	}
	client := &http.Client{Timeout: daypass.DefaultTimeout}
	response, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	const most = 64 << 10
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, body, remember(body, a.keep)
}

func remember(body []byte, keep map[string]*string) error {
	if len(keep) == 0 {
		return nil
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	for name, into := range keep {
		*into, _ = answer[name].(string)
	}
	return nil
}

func (a *act) allHeaders() []string {
	if a.body == "" {
		return a.headers
	}
	return append([]string{"Content-Type: application/json"}, a.headers...)
}

func (d *stage) printCurl(a act) {
	first := "curl " + a.url
	if a.method != "GET" && (a.method != "POST" || a.body == "") {
		first = "curl -X " + a.method + " " + a.url
	}
	lines := []string{first}
	for _, h := range a.allHeaders() {
		quote := "'"
		if strings.Contains(h, "$") {
			quote = `"`
		}
		lines = append(lines, "     -H "+quote+h+quote)
	}
	if a.body != "" {
		lines = append(lines, "     -d '"+a.body+"'")
	}
	for i, l := range lines {
		prompt, end := " ", " \\"
		if i == 0 {
			prompt = d.c.paint.cyan("$")
		}
		if i == len(lines)-1 {
			end = ""
		}
		d.c.say("   %s %s", prompt, l+d.c.paint.dim(end))
	}
}

func (d *stage) printAnswer(a act, status int, body []byte) {
	colour := d.c.paint.green
	if status >= 400 {
		colour = d.c.paint.red
	}
	d.c.say("   %s", colour(fmt.Sprintf("%d %s", status, http.StatusText(status))))
	if a.within != nil {
		body = a.within(body)
	}
	for _, l := range abridge(body, a.members) {
		d.c.say("   %s", shorten(line(l), pageWidth-3))
	}
}

// abridge prints the members of a JSON object that are worth showing, a line each; secrets only by their beginning.
func abridge(body []byte, members []string) []string {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	if len(members) == 0 {
		return []string{string(body)}
	}
	lines := []string{"{"}
	for _, name := range members {
		value := string(answer[name])
		if value == "" {
			continue
		}
		if name == "key" || name == "token" {
			value = shorten(value, 28) + `"`
		}
		lines = append(lines, fmt.Sprintf("  %q: %s,", name, value))
	}
	if len(members) < len(answer) {
		return append(lines, "  …", "}")
	}
	return append(lines, "}")
}

// explain shows what 'daypass explain' says about the request that was just refused.
func (d *stage) explain(ctx context.Context, client *daypass.Client) error {
	request := api.ExplainRequest{Method: "POST", URL: d.gateway + "/albums", Token: &d.pass}
	e, err := client.Explain(ctx, request)
	if err != nil || d.c.json {
		return err
	}
	d.c.say("\n   %s\n", d.c.paint.dim("… and the gate explains every step of its decision:"))
	d.c.say("   %s daypass explain POST %s --token \"$PASS\"", d.c.paint.cyan("$"), request.URL)
	d.c.describeChecks(e.Checks)
	d.c.describeVerdict(e, "   ")
	return nil
}

func (d *stage) invite() {
	c := d.c
	if c.json {
		return
	}
	if _, built := web.Dashboard(); built {
		c.say("\n%s\n", c.paint.bold("Now you. In a browser:"))
		c.say("   %s  %s", c.paint.dim("open       "), d.api)
		c.say("   %s  %s\n", c.paint.dim("log in with"), d.admin)
		c.say("%s\n", c.paint.bold("Or in another terminal:"))
	} else {
		c.say("\n%s\n", c.paint.dim("There is no dashboard in this program; 'make web' builds it."))
		c.say("%s\n", c.paint.bold("Now you. In another terminal:"))
	}
	for _, l := range []string{
		"export DAYPASS_URL=" + d.api,
		"export DAYPASS_KEY=" + d.admin,
		"PASS=$(daypass token create --scopes photos:read --expires-in 10m)",
		"curl " + d.gateway + `/albums/7 -H "Authorization: Bearer $PASS"`,
		"daypass explain POST " + d.gateway + `/albums --token "$PASS"`,
		`daypass token revoke "$PASS"`,
	} {
		c.say("   %s %s", c.paint.cyan("$"), l)
	}
	c.say("\n%s", c.paint.dim("Ctrl-C ends it all and leaves nothing behind."))
}

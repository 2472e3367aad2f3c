package daypass_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

// A backend gives the browser of one of its users a pass for an hour that can only read.
func ExampleClient_Exchange() {
	client, err := daypass.New("https://pass.example.com", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	pass, err := client.Exchange(context.Background(), daypass.ExchangeRequest{
		Life:     time.Hour,
		Scopes:   []string{"photos:read"},
		Roles:    []string{},
		Audience: []string{"photos"},
		Anywhere: true,
	})
	if errors.Is(err, &daypass.Error{Code: "scope_exceeded"}) {
		log.Fatal("give the key more scopes: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pass.Text, "ends in", pass.ValidFor())
}

// A long-running program calls a protected API; its pass is renewed as it goes.
func ExampleNewTransport() {
	client, err := daypass.New("https://pass.example.com", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	passes := client.TokenSource(daypass.ExchangeRequest{Life: time.Hour, IPs: []string{"request_ip"}})
	transport, err := daypass.NewTransport(passes, "https://photos.example.com")
	if err != nil {
		log.Fatal(err)
	}
	photos := &http.Client{Transport: transport, Timeout: time.Minute}
	response, err := photos.Get("https://photos.example.com/albums/7")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
}

// A program that has no key gets its passes from a backend that has one.
func ExampleNewTokenSource() {
	passes := daypass.NewTokenSource(func(ctx context.Context, last *daypass.Token) (*daypass.Token, error) {
		return askMyBackend(ctx)
	})
	client, err := daypass.New("https://pass.example.com", daypass.WithTokenSource(passes))
	if err != nil {
		log.Fatal(err)
	}
	me, err := daypass.Answer[api.Me](client.API().GetMe(context.Background()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(me.Organization.Slug, me.Scopes)
}

func askMyBackend(context.Context) (*daypass.Token, error) { return nil, errors.New("write this") }

// Administration goes through the generated client: every route of the server is there.
func ExampleAnswer() {
	client, err := daypass.New("http://127.0.0.1:8080", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	key, err := daypass.Answer[api.KeyCreated](client.API().CreateKey(context.Background(), "acme", nil, api.KeyCreate{
		Scopes:  []string{"photos:*"},
		Comment: new("For the web shop"),
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Key)
}

package notify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"
)

func TestFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "mail")
	p, err := New(Config{Folder: folder, From: "Daypass <daypass@acme.example>"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send("Ada@acme.example", "Für Ada\r\nBcc: eve@evil.example", "https://daypass.acme.example/auth/password?token=dpl_x\n.\n"); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"", "ada", "ada@acme.example, eve@evil.example", "ada@acme.example\r\nBcc: eve@evil.example", "<ada@acme.example>"} {
		if p.Send(to, "x", "y") == nil {
			t.Errorf("mail to %q", to)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ended)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	raw, _ := os.ReadFile(files[0])
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("To") != "<ada@acme.example>" || m.Header.Get("Bcc") != "" || !strings.Contains(m.Header.Get("From"), "daypass@acme.example") {
		t.Errorf("%s", raw)
	}
	if info, _ := os.Stat(files[0]); info.Mode().Perm() != 0o600 {
		t.Error(info.Mode())
	}
}

// TestSMTP: a message arrives at a server that speaks plain SMTP on loopback.
func TestSMTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go serveSMTP(l, got)
	to, err := ParseSMTP("smtp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{SMTP: to, From: "daypass@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	if err := p.Send("ada@acme.example", "Hello", "the text"); err != nil {
		t.Fatal(err)
	}
	if text := <-got; !strings.Contains(text, "the text") || !strings.Contains(text, "RCPT TO:<ada@acme.example>") {
		t.Error(text)
	}
	cancel()
	<-done
}

func serveSMTP(l net.Listener, got chan<- string) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	say := func(s string) { _, _ = conn.Write([]byte(s + "\r\n")) }
	say("220 test")
	var all strings.Builder
	lines := bufio.NewScanner(conn)
	inData := false
	for lines.Scan() {
		line := lines.Text()
		all.WriteString(line + "\n")
		switch {
		case inData && line == ".":
			inData = false
			got <- all.String()
			say("250 ok")
		case inData:
		case line == "DATA":
			inData = true
			say("354 go on")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// TestDeliver: a server that is away for a while gets the message later, others
// pass it meanwhile, one that was refused for good is not sent again, and what a
// message says is in no log.
func TestDeliver(t *testing.T) {
	var log bytes.Buffer
	p, err := New(Config{Folder: t.TempDir(), From: "daypass@acme.example", Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	p.pause = 20 * time.Millisecond
	var order []string
	sent := make(chan struct{})
	p.send = func(_ context.Context, m *gomail.Msg) error {
		to := m.GetToString()[0]
		order = append(order, to[1:strings.IndexByte(to, '@')])
		switch {
		case strings.HasPrefix(to, "<refused"):
			return refusal(t, 550)
		case strings.HasPrefix(to, "<greylisted") && len(order) < 6:
			return refusal(t, 451)
		case strings.HasPrefix(to, "<last"):
			return errors.New("connection refused")
		case strings.HasPrefix(to, "<greylisted"):
			close(sent)
		}
		return nil
	}
	for _, to := range []string{"greylisted", "refused", "good"} {
		if err := p.Send(to+"@acme.example", "Hello", "secret text"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	<-sent
	if err := p.Send("last@acme.example", "Hello", "secret text"); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	got := strings.Join(order, " ")
	if want := "greylisted refused good greylisted greylisted greylisted last"; !strings.HasPrefix(got, want) || strings.Count(got, "last") > 2 {
		t.Errorf("sent %s, want %s", got, want)
	}
	if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "connection refused") {
		t.Error(log.String())
	}
}

// refusal is an answer of a mail server, as the library reports it.
func refusal(t *testing.T, code int) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		say := func(s string) { _, _ = conn.Write([]byte(s + "\r\n")) }
		say("220 test")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "RCPT") {
				say(strconv.Itoa(code) + " no")
			} else {
				say("250 ok")
			}
		}
	}()
	to, err := ParseSMTP("smtp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{SMTP: to, From: "daypass@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send("ada@acme.example", "Hello", "x"); err != nil {
		t.Fatal(err)
	}
	err = p.send(t.Context(), (<-p.queue).message)
	if err == nil {
		t.Fatal("it was sent")
	}
	return err
}

// TestQueueIsBounded: what waits for a server that is away does not grow.
func TestQueueIsBounded(t *testing.T) {
	p, err := New(Config{Folder: t.TempDir(), From: "daypass@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	p.send = func(context.Context, *gomail.Msg) error { return errors.New("connection refused") }
	var waiting []*letter
	for range 2 * maxQueued {
		waiting = p.try(t.Context(), &letter{message: gomail.NewMsg()}, waiting)
		_ = p.Send("ada@acme.example", "Hello", "x")
	}
	if len(waiting) != maxQueued || len(p.queue) != maxQueued {
		t.Error("it grows", len(waiting), len(p.queue))
	}
	if p.Send("ada@acme.example", "Hello", "x") == nil {
		t.Error("the queue grows")
	}
}

func TestParseSMTP(t *testing.T) {
	for text, good := range map[string]bool{
		"smtp://mail.example": true, "smtps://ada@mail.example:465": true, "smtp://ada:secret@mail.example": false,
		"http://mail.example": false, "mail.example:25": false, "smtp://": false, "smtp://mail.example/x": false, "smtp://mail.example?x=y": false,
	} {
		u, err := ParseSMTP(text)
		if (err == nil) != good || good && (*url.URL)(u).Host == "" {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("the password is shown")
		}
	}
}

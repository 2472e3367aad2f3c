package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
)

// Bounds of the queue and of one delivery.
const (
	maxQueued = 1000
	attempts  = 5
	timeout   = 30 * time.Second
)

// Config says how mail leaves: exactly one of Folder and SMTP.
type Config struct {
	Folder   string   // .eml files are written here, mode 0600
	SMTP     *url.URL // smtp://user@host:587 (STARTTLS is required unless the host is loopback) or smtps://user@host:465
	Password string   // of the SMTP user
	From     string   // "Daypass <daypass@example.com>"
	Now      func() time.Time
	Logger   *slog.Logger
}

// Message is one mail in plain text.
type Message struct {
	To      string // one address
	Subject string
	Text    string
}

// Post sends messages one after the other. It keeps them in memory alone: what they
// say is worth a password, and is stored nowhere. Call [Post.Run].
type Post struct {
	config Config
	queue  chan *letter
	send   func(ctx context.Context, m *mail.Msg) error
	pause  time.Duration // before the second attempt; then twice as long each time

	sending sync.Mutex
}

// letter is a message on its way.
type letter struct {
	message *mail.Msg
	tried   int
	due     time.Time // of the next attempt
}

var (
	errFull      = access.New(access.Unavailable, "mail_queue_full", "too many mails wait to be sent; try again later")
	errRecipient = access.New(access.Invalid, "email_unusable", "this is no address that mail can be sent to")
)

// ParseSMTP reads an SMTP URL. The password does not belong into it: other
// programs see flags.
func ParseSMTP(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("write smtp://user@mail.example.com:587 (STARTTLS) or smtps://user@mail.example.com:465")
	}
	if _, has := u.User.Password(); has {
		return nil, errors.New("leave the password out of the URL and set DAYPASS_SMTP__PASSWORD or DAYPASS_SMTP__PASSWORD_FILE")
	}
	return u, nil
}

// CheckFrom says whether a sender can be used.
func CheckFrom(from string) error {
	if err := mail.NewMsg().From(from); err != nil {
		return errors.New("write an address, as in Daypass <daypass@example.com>")
	}
	return nil
}

// New makes a post office.
func New(c Config) (*Post, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Post{config: c, queue: make(chan *letter, maxQueued), pause: 10 * time.Second}
	if c.Folder != "" {
		p.send = p.write
		return p, os.MkdirAll(c.Folder, 0o700)
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	p.send = func(ctx context.Context, m *mail.Msg) error { return client.DialAndSendWithContext(ctx, m) }
	return p, nil
}

func (c *Config) client() (*mail.Client, error) {
	host := c.SMTP.Hostname()
	policy := mail.TLSMandatory
	if host == "localhost" || host == "127.0.0.1" || host == "::1" {
		policy = mail.TLSOpportunistic
	}
	options := []mail.Option{
		mail.WithTimeout(timeout), mail.WithTLSPolicy(policy),
		mail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}),
	}
	port := 587
	if c.SMTP.Scheme == "smtps" {
		port = 465
		options = append(options, mail.WithSSL())
	}
	if text := c.SMTP.Port(); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		port = n
	}
	options = append(options, mail.WithPort(port))
	if user := c.SMTP.User.Username(); user != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(c.Password))
	}
	return mail.NewClient(host, options...)
}

// Send queues a message. Codes: mail_queue_full (503), email_unusable (422).
func (p *Post) Send(to, subject, text string) error {
	address, err := seal.CanonicalLogin(to)
	if err != nil {
		return errRecipient
	}
	m := mail.NewMsg()
	m.SetDateWithValue(p.config.Now())
	m.SetMessageID()
	m.Subject(subject)
	m.SetBodyString(mail.TypeTextPlain, text)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	if err := m.From(p.config.From); err != nil {
		return fmt.Errorf("the sender of mail: %w", err)
	}
	if err := m.To(address); err != nil {
		return errRecipient.Because(err)
	}
	select {
	case p.queue <- &letter{message: m}:
		return nil
	default:
		return errFull
	}
}

// Run sends what is queued until ctx ends, and then once what is left. A message
// that has to wait for its next attempt lets the others pass.
func (p *Post) Run(ctx context.Context) {
	var waiting []*letter
	for {
		again := time.NewTimer(untilDue(waiting))
		select {
		case l := <-p.queue:
			waiting = p.try(ctx, l, waiting)
		case <-again.C:
			due := time.Now()
			all := waiting
			waiting = nil
			for _, l := range all {
				if l.due.After(due) {
					waiting = append(waiting, l)
				} else {
					waiting = p.try(ctx, l, waiting)
				}
			}
		case <-ctx.Done():
			again.Stop()
			p.flush(waiting)
			return
		}
		again.Stop()
	}
}

func untilDue(waiting []*letter) time.Duration {
	next := 24 * time.Hour
	for _, l := range waiting {
		next = min(next, time.Until(l.due))
	}
	return next
}

// try sends a letter, or puts it to those that wait. Those are bounded too: a
// server that is away must not fill the memory.
func (p *Post) try(ctx context.Context, l *letter, waiting []*letter) []*letter {
	err := p.send(ctx, l.message)
	if err == nil {
		return waiting
	}
	l.tried++
	more := !final(err) && l.tried < attempts && len(waiting) < maxQueued
	p.complain(l, err, more)
	if !more {
		return waiting
	}
	l.due = time.Now().Add(p.pause << (l.tried - 1))
	return append(waiting, l)
}

// final reports whether the server has answered that it never will take the
// message (RFC 5321, section 4.2.1).
func final(err error) bool {
	var refused *mail.SendError
	return errors.As(err, &refused) && refused.ErrorCode() >= 500
}

// complain tells of a message by its id: what it says stays out of the log. To whom
// it was, the error may tell.
func (p *Post) complain(l *letter, err error, more bool) {
	p.config.Logger.Error("a mail could not be sent", "message_id", l.message.GetMessageID(), "attempt", l.tried, "again", more, "error", err.Error())
}

// flush tries what is left once more, within a few seconds in all.
func (p *Post) flush(waiting []*letter) {
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for {
		select {
		case l := <-p.queue:
			waiting = append(waiting, l)
			continue
		default:
		}
		break
	}
	for _, l := range waiting {
		if err := p.send(last, l.message); err != nil {
			l.tried++
			p.complain(l, err, false)
		}
	}
}

// write puts a message into the folder, whole or not at all.
func (p *Post) write(_ context.Context, m *mail.Msg) (err error) {
	p.sending.Lock()
	defer p.sending.Unlock()
	f, err := os.CreateTemp(p.config.Folder, ".mail-*.part") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = m.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	name := p.config.Now().UTC().Format("20060102T150405.000000000Z") + "-" + seal.NewID("mail") + ".eml"
	return os.Rename(f.Name(), filepath.Join(p.config.Folder, name))
}

package server

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/notify"
	"github.com/daypass/daypass/internal/seal"
)

// validateLogins holds what logins and mail were told.
func (c *Config) validateLogins() (problems []Problem) {
	add := func(key, message string) { problems = append(problems, Problem{key, message}) }
	for _, p := range []struct {
		key   string
		value time.Duration
	}{{"session.pass", c.SessionPass}, {"session.idle", c.SessionIdle}, {"session.life", c.SessionLife}, {"link.invite", c.InviteLife}, {"link.reset", c.ResetLife}} {
		if p.value < time.Minute {
			add(p.key, "must be a minute at least")
		}
	}
	if c.SessionPass > c.MaxTokenLife {
		add("session.pass", "is longer than max_token_life")
	}
	if c.SessionIdle > c.SessionLife {
		add("session.idle", "is longer than session.life")
	}
	if c.SMTPURL != "" && c.MailDir != "" {
		add("mail.dir", "mail is sent through smtp.url or written to mail.dir, not both")
	}
	if c.SMTPURL != "" {
		if _, err := notify.ParseSMTP(c.SMTPURL); err != nil {
			add("smtp.url", err.Error())
		}
		if c.MailFrom == "" {
			add("mail.from", "name the sender of mail, as in Daypass <daypass@example.com>")
		}
	}
	if c.MailFrom != "" {
		if err := notify.CheckFrom(c.MailFrom); err != nil {
			add("mail.from", err.Error())
		}
	}
	return problems
}

// passwords is what the office needs for passwords; nil: they are off.
func (s *Server) passwords(hasher *seal.Hasher, publicURL string) (*admin.Passwords, error) {
	c := &s.config
	if !c.Logins {
		return nil, nil
	}
	p := &admin.Passwords{Hasher: hasher, URL: publicURL, Invite: c.InviteLife, Reset: c.ResetLife}
	if c.SMTPURL == "" && c.MailDir == "" {
		return p, nil
	}
	mail := notify.Config{Folder: c.MailDir, Password: c.SMTPPassword, From: c.MailFrom, Now: s.now, Logger: s.log}
	if mail.From == "" { // into a folder
		mail.From = "Daypass <daypass@localhost.localdomain>"
	}
	var err error
	if c.SMTPURL != "" {
		if mail.SMTP, err = notify.ParseSMTP(c.SMTPURL); err != nil {
			return nil, err
		}
	}
	if s.post, err = notify.New(mail); err != nil {
		return nil, err
	}
	p.Mail = s.post
	return p, nil
}

// logins is what the exchange needs for them; nil: they are off.
func (s *Server) logins(hasher *seal.Hasher) *exchange.Logins {
	c := &s.config
	if !c.Logins {
		return nil
	}
	return &exchange.Logins{
		Sessions: s.store, Hasher: hasher, PassLife: c.SessionPass, Idle: c.SessionIdle, Life: c.SessionLife,
		EndSession: func(ctx context.Context, n access.Session, reason string, from exchange.Client) error {
			return s.office.EndStolenSession(ctx, n, reason, access.Actor{Address: from.Address}, from.RequestID)
		},
	}
}

func (s *Server) runPost(ctx context.Context) {
	if s.post != nil {
		s.post.Run(ctx)
	}
}

// guessMemory is how far back guesses are learned at a start: older ones are forgotten.
const guessMemory = 24 * time.Hour

func (s *Server) learnGuesses(ctx context.Context) (err error) {
	s.guessed, err = s.journal.Guesses.Learn(ctx, s.store, time.Now().Add(-guessMemory))
	return err
}

// followGuesses learns every second what other servers on the same database
// counted, and forgets what has rested.
func (s *Server) followGuesses(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n%60 == 0 {
			s.journal.Guesses.Sweep(s.now())
		}
		if s.config.DatabaseURL == "" { // nobody else writes there
			continue
		}
		// Clocks and transactions overlap a little; what is learned twice does no harm.
		until, err := s.journal.Guesses.Learn(ctx, s.store, s.guessed.Add(-3*time.Second))
		if err == nil {
			s.guessed = until
		} else if ctx.Err() == nil {
			s.log.Warn("guesses counted by other servers are not known", "error", err.Error())
		}
	}
}

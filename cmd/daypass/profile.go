package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/daypass/daypass"
)

// A profile is what 'daypass login' leaves behind: a server, and a short pass for it, which the commands after it renew while
// they come. It is a file of the user's own, in the user's configuration folder.

const defaultProfile = "default"

// profile is one login.
type profile struct {
	URL          string    `json:"url"`
	Token        string    `json:"token"`
	Obtained     time.Time `json:"obtained"`
	Expires      time.Time `json:"expires"` // both by this machine's clock
	Renewable    bool      `json:"renewable"`
	Organization string    `json:"organization"`
	User         string    `json:"user"`
}

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// profilePath is where the profile of a name lies.
func profilePath(name string) (string, error) {
	if !profileName.MatchString(name) {
		return "", &trouble{Code: "usage", Message: "a profile's name is made of letters, digits, - and _", exit: exitUsage}
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", failed("profile", "there is no folder for profiles: %v", err)
	}
	return filepath.Join(folder, "daypass", "profiles", name+".json"), nil
}

const (
	ownFile      = 0o600
	ownFolder    = 0o700
	ofOthers     = 0o077
	maxProfile   = 64 << 10 // bytes
	loginAgain   = "log in with 'daypass login'"
	renewTimeout = 20 * time.Second
)

// loadProfile reads a profile; [fs.ErrNotExist] where there is none. One that others can read is refused: its pass may be theirs.
func loadProfile(name string) (*profile, error) {
	p, mode, err := readProfile(name)
	if err == nil && runtime.GOOS != "windows" && mode&ofOthers != 0 {
		path, _ := profilePath(name)
		return nil, failed("profile_exposed", "others can read the profile %s", path).advising("'daypass logout' ends its pass; then " + loginAgain)
	}
	return p, err
}

// readProfile is [loadProfile] whoever can read it. The open file is asked who that is, not its name, so that it cannot be
// exchanged in between.
func readProfile(name string) (*profile, fs.FileMode, error) {
	path, err := profilePath(name)
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, failed("profile", "the profile cannot be read: %v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, failed("profile", "the profile cannot be read: %v", err)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxProfile+1))
	if err != nil {
		return nil, 0, failed("profile", "the profile cannot be read: %v", err)
	}
	var p profile
	if len(raw) > maxProfile || json.Unmarshal(raw, &p) != nil || p.URL == "" || p.Token == "" {
		return nil, 0, failed("profile", "the profile %s is damaged", path).advising(loginAgain)
	}
	return &p, info.Mode().Perm(), nil
}

// save replaces the profile whole: whoever reads it meanwhile has the old one or the new one.
func (p *profile) save(name string) (err error) {
	path, err := profilePath(name)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), ownFolder); err != nil {
		return failed("profile", "the profile cannot be kept: %v", err)
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+name+"-*") // of mode 0600
	if err != nil {
		return failed("profile", "the profile cannot be kept: %v", err)
	}
	_, wrote := part.Write(append(text, '\n'))
	if err = errors.Join(wrote, part.Chmod(ownFile), part.Sync(), part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return errors.Join(failed("profile", "the profile cannot be kept: %v", err), os.Remove(part.Name()))
	}
	return nil
}

func removeProfile(name string) error {
	path, err := profilePath(name)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// take makes the profile one of another pass.
func (p *profile) take(t *daypass.Token) {
	p.Token, p.Obtained, p.Expires, p.Renewable = t.Text, t.Issued, t.Expires, t.Claims.Renewable
}

var errLoginOver = &trouble{Code: "login_expired", Message: "this login is over", Hint: loginAgain, exit: exitDenied}

// pass is the profile's pass, renewed where half of its life is over.
func (c *cli) pass(p *profile) (string, error) {
	now := c.now()
	if !now.Before(p.Expires) {
		return "", errLoginOver
	}
	if !p.Renewable || now.Sub(p.Obtained) < p.Expires.Sub(p.Obtained)/2 {
		return p.Token, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	client, err := c.clientAs("")
	if err != nil {
		return "", err
	}
	fresh, err := client.Renew(ctx, &daypass.Token{Text: p.Token})
	var refusal *daypass.Error
	switch {
	case errors.As(err, &refusal) && (refusal.Status == 401 || refusal.Status == 403):
		return "", errLoginOver
	case err != nil: // it lives on for a while, and so may the next attempt
		return p.Token, nil
	}
	p.take(fresh)
	return p.Token, p.save(c.profileName())
}

func (c *cli) profileName() string {
	if c.settings.Profile != "" {
		return c.settings.Profile
	}
	return defaultProfile
}

func sameServer(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

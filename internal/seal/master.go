package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// MasterKeySize is the length of a master key in bytes.
const MasterKeySize = 32

// Errors of reading a master key. They say what to do and never hold any part of the key.
var (
	ErrNoMasterKey   = errors.New("no master key: set DAYPASS_MASTER_KEY, or DAYPASS_MASTER_KEY_FILE to the file that `daypass init` made")
	ErrTwoMasterKeys = errors.New("two master keys: set DAYPASS_MASTER_KEY or DAYPASS_MASTER_KEY_FILE, not both")
	ErrMasterKeyForm = errors.New("the master key must be 32 bytes in base64 (44 characters)")
	ErrMasterKeyMode = errors.New("the master key file can be read by others: run chmod 600 on it")
)

// MasterKey is the secret from which every other key at rest is derived. It prints as a placeholder.
type MasterKey struct{ bytes [MasterKeySize]byte }

const hidden = "[master key]"

func (MasterKey) String() string               { return hidden }
func (MasterKey) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, hidden) }
func (MasterKey) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (MasterKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (k MasterKey) text() string               { return base64.StdEncoding.EncodeToString(k.bytes[:]) }

// NewMasterKey makes a random key that is kept nowhere: what is sealed under it is lost with the process.
func NewMasterKey() MasterKey {
	var k MasterKey
	rand.Read(k.bytes[:])
	return k
}

// LoadMasterKey reads the key from its base64 text (the value of DAYPASS_MASTER_KEY) or from a file that holds that text.
// Exactly one of the two must be given. A file must be a regular one that only its owner can read.
func LoadMasterKey(text, file string) (MasterKey, error) {
	switch {
	case text != "" && file != "":
		return MasterKey{}, ErrTwoMasterKeys
	case text != "":
		return parseMasterKey(text)
	case file != "":
		return readMasterKeyFile(file)
	}
	return MasterKey{}, ErrNoMasterKey
}

// NewMasterKeyFile makes a random key and writes it to path with mode 0600, durably. It fails if path exists
// (errors.Is(err, fs.ErrExist)): a master key is never overwritten.
func NewMasterKeyFile(path string) (MasterKey, error) {
	k := NewMasterKey()
	// Written beside and linked, so that nobody ever reads half of it.
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*.part") // mode 0600
	if err != nil {
		return MasterKey{}, fmt.Errorf("make the master key file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := writeDurably(f, k.text()+"\n"); err != nil {
		return MasterKey{}, fmt.Errorf("write the master key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return MasterKey{}, fmt.Errorf("make the master key file: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return MasterKey{}, fmt.Errorf("write the master key file: %w", err)
	}
	return k, nil
}

func writeDurably(f *os.File, text string) error {
	_, err := f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes the new name itself survive a power cut, not only the bytes behind it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // folders cannot be opened for that there
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readMasterKeyFile(path string) (MasterKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("read the master key file: %w", err)
	}
	defer f.Close()
	// The open file is asked, not its name, so that it cannot be exchanged in between.
	info, err := f.Stat()
	if err != nil {
		return MasterKey{}, fmt.Errorf("read the master key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return MasterKey{}, fmt.Errorf("read the master key file: %s is not a regular file", path)
	}
	if readableByOthers(info.Mode()) {
		return MasterKey{}, fmt.Errorf("%w (%s, mode %04o)", ErrMasterKeyMode, path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return MasterKey{}, fmt.Errorf("read the master key file: %w", err)
	}
	return parseMasterKey(string(text))
}

// readableByOthers is always false on Windows, whose access lists do not show in the mode.
func readableByOthers(mode fs.FileMode) bool {
	return runtime.GOOS != "windows" && mode.Perm()&0o077 != 0
}

func parseMasterKey(text string) (MasterKey, error) {
	var k MasterKey
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != MasterKeySize {
		return MasterKey{}, ErrMasterKeyForm
	}
	copy(k.bytes[:], raw)
	return k, nil
}

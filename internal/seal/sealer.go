package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"sync"
)

// ErrUnseal is the one answer to every box that does not open. Which of its reasons it was is not told apart.
var ErrUnseal = errors.New("a stored secret does not open: wrong master key or altered row")

// boxVersion 1 is AES-256-GCM with a random 96-bit nonce: version, nonce, ciphertext, 128-bit tag.
const boxVersion = 1

// Sealer keeps secrets under one master key. It is safe for concurrent use.
//
// One key may seal 2³² boxes before random nonces become unsafe (NIST SP 800-38D, 8.3). [Sealer.Seal] is therefore for what
// the store keeps; whatever strangers can ask for without end is for [Sealer.SealLetter], whose keys are made for one each.
type Sealer struct {
	aead        cipher.AEAD
	letters     []byte    // of which the keys of letters are derived
	keyHashes   sync.Pool // of hash.Hash, keyed: keying costs more than hashing a key
	mac         []byte
	password    []byte // key of password hashes
	fingerprint string
}

// NewSealer derives the subkeys of master. They differ by purpose, so that no output of one use helps in another.
func NewSealer(master MasterKey) *Sealer {
	keyHash := subkey(master, "daypass/1/api-key-hash", 32)
	return &Sealer{
		aead:        aeadOf(subkey(master, "daypass/1/seal", 32)),
		letters:     subkey(master, "daypass/1/letter", 32),
		keyHashes:   sync.Pool{New: func() any { return hmac.New(sha256.New, keyHash) }},
		mac:         subkey(master, "daypass/1/mac", 32),
		password:    subkey(master, "daypass/1/password", 32),
		fingerprint: hex.EncodeToString(subkey(master, "daypass/1/fingerprint", 16)),
	}
}

func aeadOf(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a wrong block size
	}
	return aead
}

func subkey(master MasterKey, purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, master.bytes[:], nil, purpose, size)
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	return key
}

// Fingerprint is a stable name of the master key, 32 hexadecimal characters. It is derived one way and may be stored
// beside what was sealed: a server that starts with another master key sees the difference before it touches anything.
func (s *Sealer) Fingerprint() string { return s.fingerprint }

// Seal encrypts plaintext for one place. The identity names the row and its owner, such as
// "keys/key_…/secret/org_…"; it is not kept in the box, and Open needs the same.
func (s *Sealer) Seal(plaintext []byte, identity string) ([]byte, error) {
	if identity == "" {
		return nil, errors.New("seal: a sealed secret needs the identity of its row")
	}
	box := make([]byte, 1, 1+len(plaintext)+s.aead.Overhead())
	box[0] = boxVersion
	return s.aead.Seal(box, nil, plaintext, associated(identity)), nil
}

// Open returns what Seal was given, or [ErrUnseal] for a box that was altered, that belongs to another identity, or that
// was sealed under another master key.
func (s *Sealer) Open(box []byte, identity string) ([]byte, error) {
	if identity == "" || len(box) < 1+s.aead.Overhead() || box[0] != boxVersion {
		return nil, ErrUnseal
	}
	plaintext, err := s.aead.Open(nil, nil, box[1:], associated(identity))
	if err != nil {
		return nil, ErrUnseal
	}
	return plaintext, nil
}

func associated(identity string) []byte {
	return append([]byte{boxVersion}, identity...)
}

// letterSalt is the length in bytes of what sets a letter's key apart from all others.
const letterSalt = 24

// SealLetter encrypts what a client is to keep and to bring back. What was sealed for one purpose opens for no other. Its
// key is derived from a random salt of 192 bits, so that 2⁸⁰ letters may be sealed.
func (s *Sealer) SealLetter(plaintext []byte, purpose string) string {
	letter := make([]byte, letterSalt, letterSalt+len(plaintext)+s.aead.Overhead())
	rand.Read(letter)
	letter = s.letterKey(letter, purpose).Seal(letter, nil, plaintext, nil)
	return base64.RawURLEncoding.EncodeToString(letter)
}

// OpenLetter returns what [Sealer.SealLetter] was given, or [ErrUnseal]. A letter has one spelling.
func (s *Sealer) OpenLetter(text, purpose string) ([]byte, error) {
	letter, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(letter) < letterSalt || base64.RawURLEncoding.EncodeToString(letter) != text {
		return nil, ErrUnseal
	}
	plaintext, err := s.letterKey(letter[:letterSalt], purpose).Open(nil, nil, letter[letterSalt:], nil)
	if err != nil {
		return nil, ErrUnseal
	}
	return plaintext, nil
}

func (s *Sealer) letterKey(salt []byte, purpose string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, s.letters, salt, purpose, 32)
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	return aeadOf(key)
}

// KeyHash is what the store keeps of an API key and finds it by: HMAC-SHA-256 of its whole text. The text has 256 random
// bits, so a slow hash would add nothing, and without the master key a guess cannot even be checked.
func (s *Sealer) KeyHash(text string) [32]byte {
	m := s.keyHashes.Get().(hash.Hash)
	m.Reset()
	m.Write([]byte(text))
	sum := [32]byte(m.Sum(nil))
	s.keyHashes.Put(m)
	return sum
}

// MAC authenticates data that travels through a client and comes back, such as a page token. The purpose keeps what was
// made for one use from being accepted in another.
func (s *Sealer) MAC(purpose string, data []byte) []byte {
	m := hmac.New(sha256.New, s.mac)
	size := len(purpose)
	m.Write([]byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}) // unambiguous joint
	m.Write([]byte(purpose))
	m.Write(data)
	return m.Sum(nil)
}

// VerifyMAC says, in constant time, whether mac is what MAC gives for the same purpose and data.
func (s *Sealer) VerifyMAC(purpose string, data, mac []byte) bool {
	return hmac.Equal(s.MAC(purpose, data), mac)
}

// EqualConstantTime compares two secrets without telling by its duration where they differ. Their length may show.
func EqualConstantTime(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

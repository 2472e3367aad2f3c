package verify

import "sync"

// proofKey is what the header of a proof says.
type proofKey struct {
	verificationKey
	thumbprint string
}

const (
	maxProofKeys    = 4096 // of each of two generations
	maxProofKeyText = 1024 // bytes; an RSA key of 4096 bits fits
)

// proofKeys remembers the headers of proofs whose signature was good: a sender's all have the same, and reading it costs a tenth of
// the signature. What one says depends on nothing but its text.
var proofKeys proofKeyMemory

// proofKeyMemory forgets the older of two generations when the younger is full.
type proofKeyMemory struct {
	mu           sync.RWMutex
	young, older map[string]*proofKey
}

func (m *proofKeyMemory) get(header string) *proofKey {
	m.mu.RLock()
	k, young := m.young[header]
	if !young {
		k = m.older[header]
	}
	m.mu.RUnlock()
	if k != nil && !young {
		m.put(header, k)
	}
	return k
}

func (m *proofKeyMemory) put(header string, k *proofKey) {
	if len(header) > maxProofKeyText {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= maxProofKeys {
		m.young, m.older = make(map[string]*proofKey), m.young
	}
	m.young[header] = k
}

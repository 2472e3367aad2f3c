package gate

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// networkFilter answers for nearly every address that no list denies it, without
// looking into any. It is a Bloom filter of the /24 networks (IPv6: /48) that
// entries lie in, whose bits for one of them lie in one word; wider entries are
// noted apart. What is deleted leaves its bits, until the filter is made anew.
//
// It is immutable for those who read it; its blocks are shared with the filter it
// grew from, so that one entry more costs one block.
type networkFilter struct {
	blocks []*filterBlock // as many as a power of two, or none
	keys   int            // that were added
	wide   bool           // wide4 is not empty
	wide4  [4]uint64      // by the first byte: an IPv4 entry wider than /16 is there
	wide6  bool           // an IPv6 entry wider than /48 is there
}

type filterBlock [512]uint64 // see the 511 that picks a word of it

const (
	filterBitsPerKey = 12
	keysPerBlock     = len(filterBlock{}) * 64 / filterBitsPerKey

	filterBits4 = 24
	filterBits6 = 48
	expanded4   = 16 // entries from here to /24 are noted as the /24 networks in them
)

// newNetworkFilter makes a filter with room for keys.
func newNetworkFilter(keys int) networkFilter {
	f := networkFilter{blocks: make([]*filterBlock, 1<<bits.Len(uint(keys/keysPerBlock)))}
	for i := range f.blocks {
		f.blocks[i] = new(filterBlock)
	}
	return f
}

// full reports whether more keys would make it answer for too few addresses.
func (f *networkFilter) full(more int) bool { return f.keys+more > len(f.blocks)*keysPerBlock }

// mayHold is false if no entry holds the address, which is valid and no IPv4 in
// IPv6. Every decision asks.
func (f *networkFilter) mayHold(addr netip.Addr) bool {
	if addr.Is4() {
		b := addr.As4()
		return f.wide && f.wide4[b[0]>>6]&(1<<(b[0]&63)) != 0 || f.has(networkSum4(b))
	}
	return f.wide6 || f.has(networkSum6(addr.As16()))
}

func (f *networkFilter) has(sum uint64) bool {
	mask := networkMask(sum)
	return len(f.blocks) > 0 && f.blocks[sum>>55&uint64(len(f.blocks)-1)][sum>>46&511]&mask == mask
}

// keysOf is how many keys an entry is noted as.
func keysOf(network netip.Prefix) int {
	if network.Addr().Is4() && network.Bits() >= expanded4 && network.Bits() < filterBits4 {
		return 1 << (filterBits4 - network.Bits())
	}
	return 1
}

// filterEditor adds to a filter, copying each block it touches once.
type filterEditor struct {
	networkFilter
	own []bool // by block
}

func (f networkFilter) edit() *filterEditor {
	f.blocks = slices.Clone(f.blocks)
	return &filterEditor{f, make([]bool, len(f.blocks))}
}

func (e *filterEditor) add(network netip.Prefix) {
	addr, width := network.Addr(), network.Bits()
	e.keys += keysOf(network)
	switch {
	case addr.Is4() && width < expanded4:
		e.wide = true
		first := int(addr.As4()[0])
		for i := range 1 << max(8-width, 0) {
			e.wide4[(first+i)>>6] |= 1 << ((first + i) & 63)
		}
	case addr.Is4() && width < filterBits4:
		b := addr.As4()
		at := binary.BigEndian.Uint32(b[:])
		for i := range uint32(1) << (filterBits4 - width) {
			binary.BigEndian.PutUint32(b[:], at+i<<(32-filterBits4))
			e.set(networkSum(netip.AddrFrom4(b)))
		}
	case addr.Is6() && width < filterBits6:
		e.wide6 = true
	default:
		e.set(networkSum(addr))
	}
}

func (e *filterEditor) set(sum uint64) {
	at := sum >> 55 & uint64(len(e.blocks)-1)
	if !e.own[at] {
		block := *e.blocks[at]
		e.blocks[at], e.own[at] = &block, true
	}
	e.blocks[at][sum>>46&511] |= networkMask(sum)
}

// networkMask takes three bits from the low end of a sum; what lies above chooses
// block and word.
func networkMask(sum uint64) uint64 {
	return 1<<(sum>>28&63) | 1<<(sum>>34&63) | 1<<(sum>>40&63)
}

// networkSum mixes the part of an address that is a key. One multiplication is
// enough: who finds addresses that collide gains a look into the lists.
func networkSum(addr netip.Addr) uint64 {
	if addr.Is4() {
		return networkSum4(addr.As4())
	}
	return networkSum6(addr.As16())
}

const networkMix = 0x9e3779b97f4a7c15

func networkSum4(b [4]byte) uint64 {
	return uint64(binary.BigEndian.Uint32(b[:])>>(32-filterBits4)) * networkMix
}

func networkSum6(b [16]byte) uint64 {
	key := binary.BigEndian.Uint64(b[:8]) >> (64 - filterBits6)
	return (key ^ key>>17) * networkMix
}

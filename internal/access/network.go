package access

import (
	"net/netip"
	"slices"
	"strings"
)

// Networks is a set of addresses, kept as the canonical prefixes it was made
// from. The zero value is the empty set; "everywhere" is a separate notion and
// is expressed by [Authority.Everywhere].
//
// IPv4-mapped IPv6 (::ffff:a.b.c.d) means the IPv4 address, on both sides.
// ::/0 is every IPv6 address and no IPv4 address; 0.0.0.0/0 the reverse.
type Networks struct{ prefixes []netip.Prefix }

// ParseNetwork reads an address or a CIDR network. Refused: zones, leading
// zeros, short forms, host bits below the prefix (write 192.0.2.0/24, not
// 192.0.2.5/24), ports and names.
func ParseNetwork(s string) (netip.Prefix, error) {
	bad := New(Malformed, "invalid_network", "write an address (192.0.2.7, 2001:db8::7) or a network without host bits (192.0.2.0/24)")
	addrText, _, isPrefix := strings.Cut(s, "/")
	if !isPrefix {
		addr, err := netip.ParseAddr(addrText)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, bad
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Masked() != p {
		return netip.Prefix{}, bad
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, bad
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}

// ParseNetworks reads a list with [ParseNetwork], drops what another entry
// already covers, and sorts.
func ParseNetworks(list []string) (Networks, error) {
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := ParseNetwork(s)
		if err != nil {
			return Networks{}, err
		}
		prefixes = append(prefixes, p)
	}
	return NewNetworks(prefixes...), nil
}

// NewNetworks makes the set of the given canonical prefixes.
func NewNetworks(prefixes ...netip.Prefix) Networks {
	sorted := slices.Clone(prefixes)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	kept := sorted[:0]
	for _, p := range sorted {
		if len(kept) > 0 && kept[len(kept)-1].Overlaps(p) {
			continue // sorted: the earlier one is the wider
		}
		kept = append(kept, p)
	}
	return Networks{prefixes: kept}
}

// Contains reports whether addr is in the set.
func (n Networks) Contains(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range n.prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Includes reports whether every address of p is in the set, also when it takes
// several adjacent networks to cover it.
func (n Networks) Includes(p netip.Prefix) bool {
	for _, held := range n.prefixes {
		if held.Bits() <= p.Bits() && held.Contains(p.Addr()) {
			return true
		}
	}
	if p.Bits() == p.Addr().BitLen() {
		return false
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	if !n.overlaps(low) {
		return false
	}
	high := netip.PrefixFrom(upperHalf(p), p.Bits()+1)
	return n.overlaps(high) && n.Includes(low) && n.Includes(high)
}

func (n Networks) overlaps(p netip.Prefix) bool {
	return slices.ContainsFunc(n.prefixes, p.Overlaps)
}

// upperHalf is the first address of the second half of p.
func upperHalf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	raw[p.Bits()/8] |= 1 << (7 - p.Bits()%8)
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}

// IsEmpty reports whether the set has no network at all.
func (n Networks) IsEmpty() bool { return len(n.prefixes) == 0 }

// Len is the number of networks after canonicalisation.
func (n Networks) Len() int { return len(n.prefixes) }

// Prefixes returns the networks, sorted. The caller must not change it.
func (n Networks) Prefixes() []netip.Prefix { return n.prefixes }

// Equal reports whether both sets were made of the same networks.
func (n Networks) Equal(m Networks) bool { return slices.Equal(n.prefixes, m.prefixes) }

// Strings writes each network as people do: a single address without its /32.
func (n Networks) Strings() []string {
	if len(n.prefixes) == 0 {
		return nil
	}
	out := make([]string, len(n.prefixes))
	for i, p := range n.prefixes {
		out[i] = FormatNetwork(p)
	}
	return out
}

// FormatNetwork writes a network; a single address without its prefix length.
func FormatNetwork(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// Size counts what the set covers, for limits: IPv4 in addresses, IPv6 in /64
// networks (a longer IPv6 prefix counts as one). It saturates at 1<<62.
func (n Networks) Size() int64 {
	const most = int64(1) << 62
	var total int64
	for _, p := range n.prefixes {
		free := p.Addr().BitLen() - p.Bits()
		if p.Addr().Is6() {
			free = max(64-p.Bits(), 0)
		}
		if free >= 62 {
			return most
		}
		total = min(total+int64(1)<<free, most)
	}
	return total
}

package access

import (
	"net/netip"
	"slices"
)

// What an address means may be written in several ways; all of them are looked
// through before it is judged.
var (
	// nat64 are the prefixes of IPv6 addresses that stand for IPv4 ones (RFC 6052
	// and RFC 8215); the address is in the last 32 bits of the first, and may be
	// anywhere in the second.
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")

	// metadata are the addresses of cloud providers' metadata services that are
	// not link-local.
	metadata = []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"),   // AWS
		netip.MustParseAddr("100.100.100.200"), // Alibaba
		netip.MustParseAddr("168.63.129.16"),   // Azure
		netip.MustParseAddr("192.0.0.192"),     // Oracle
	}

	// notPublic are the networks of the IANA special-purpose registries (RFC 6890)
	// that lead nowhere on the Internet, and those in which another address is
	// hidden: 6to4, Teredo, and IPv4-compatible IPv6.
	notPublic = NewNetworks(prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	)...)
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Reached is the address that packets to addr are for in the end: IPv4 where it
// is written as IPv6, mapped or translated by NAT64, and without a zone.
func Reached(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// IsSpecial reports whether only the machine's own network should answer at the
// address: it is link-local, multicast, unspecified, or the metadata service of a
// cloud provider. No request that others can steer may go there.
func IsSpecial(addr netip.Addr) bool {
	addr = Reached(addr)
	return addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() || slices.Contains(metadata, addr)
}

// IsPublic reports whether the address is one of the Internet: not special, not
// this machine, not of a private network, and not one that hides another.
func IsPublic(addr netip.Addr) bool {
	addr = Reached(addr)
	return addr.IsValid() && !IsSpecial(addr) && !notPublic.Contains(addr) && !nat64Local.Contains(addr)
}

package access

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string]struct{ special, public bool }{
		"93.184.215.14":          {false, true},
		"2606:2800:21f:cb07::1":  {false, true},
		"::ffff:93.184.215.14":   {false, true},
		"64:ff9b::5db8:d70e":     {false, true}, // NAT64 of a public address
		"127.0.0.1":              {false, false},
		"127.1.2.3":              {false, false},
		"::1":                    {false, false},
		"::ffff:127.0.0.1":       {false, false},
		"::ffff:7f00:1":          {false, false},
		"64:ff9b::7f00:1":        {false, false},
		"64:ff9b:1::7f00:1":      {false, false},
		"::127.0.0.1":            {false, false},
		"10.0.0.1":               {false, false},
		"172.16.0.1":             {false, false},
		"172.32.0.1":             {false, true},
		"192.168.1.1":            {false, false},
		"::ffff:192.168.1.1":     {false, false},
		"100.64.0.1":             {false, false},
		"198.18.0.1":             {false, false},
		"240.0.0.1":              {false, false},
		"255.255.255.255":        {false, false},
		"fd12:3456:789a::1":      {false, false},
		"2002:7f00:1::":          {false, false},
		"2001:0:7f00:1::":        {false, false},
		"fec0::1":                {false, false},
		"0.0.0.0":                {true, false},
		"::":                     {true, false},
		"169.254.169.254":        {true, false},
		"::ffff:169.254.169.254": {true, false},
		"64:ff9b::a9fe:a9fe":     {true, false},
		"fe80::1":                {true, false},
		"fe80::1%eth0":           {true, false},
		"224.0.0.1":              {true, false},
		"ff02::1":                {true, false},
		"fd00:ec2::254":          {true, false},
		"100.100.100.200":        {true, false},
		"168.63.129.16":          {true, false},
		"::ffff:168.63.129.16":   {true, false},
		"64:ff9b::a83f:8110":     {true, false},
		"192.0.0.192":            {true, false},
	} {
		addr := netip.MustParseAddr(text)
		if special, public := IsSpecial(addr), IsPublic(addr); special != want.special || public != want.public {
			t.Errorf("%s: special %v, public %v", text, special, public)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

package access_test

import (
	"testing"

	"github.com/daypass/daypass/internal/access"
)

func TestParseRoleRef(t *testing.T) {
	for in, want := range map[string]access.RoleRef{
		"developer":        {Name: "developer"},
		"developer@photos": {Name: "developer", Application: "photos"},
		"night-shift_2":    {Name: "night-shift_2"},
	} {
		if got, err := access.ParseRoleRef(in); err != nil || got != want || got.String() != in {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "@photos", "developer@", "Developer", "a b", "developer@photos@x", "administrator@photos", "x\n", "developer@-p"} {
		if got, err := access.ParseRoleRef(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func TestRoleCovers(t *testing.T) {
	whole := access.Role{Name: "developer", OrganizationID: "org_1"}
	one := access.Role{Name: "developer", OrganizationID: "org_1", ApplicationID: "app_1"}
	for _, c := range []struct {
		held, ask access.Role
		want      bool
	}{
		{whole, one, true},
		{one, whole, false},
		{one, one, true},
		{one, access.Role{Name: "developer", OrganizationID: "org_1", ApplicationID: "app_2"}, false},
		{whole, access.Role{Name: "developer", OrganizationID: "org_2", ApplicationID: "app_1"}, false},
		{whole, access.Role{Name: "consumer", OrganizationID: "org_1"}, false},
		{access.Role{Name: "administrator"}, whole, false},
	} {
		if got := c.held.Covers(c.ask); got != c.want {
			t.Errorf("%v covers %v = %v", c.held, c.ask, got)
		}
	}
}

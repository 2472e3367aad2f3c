package e2e

import "testing"

var caddy = front{
	program: "caddy",
	example: "caddy/Caddyfile",
	args: func(_, configuration string) []string {
		return []string{"run", "--config", configuration, "--adapter", "caddyfile"}
	},
}

func TestAttack_Caddy(t *testing.T) {
	t.Parallel()
	b := newBehind(t, caddy)
	b.attack()
	b.failClosed()
}

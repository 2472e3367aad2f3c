package e2e

import (
	"strings"
	"testing"
)

var nginx = front{
	program: "nginx",
	example: "nginx/nginx.conf",
	args: func(folder, configuration string) []string {
		return []string{"-p", folder, "-c", configuration, "-e", "stderr", "-g", "daemon off; master_process off; pid nginx.pid;"}
	},
	// Packages of nginx put these under /var.
	edit: func(folder, text string) string {
		var places string
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			places += " " + kind + "_temp_path " + kind + ";"
		}
		text = strings.ReplaceAll(text, "/var/log/nginx/", folder+"/")
		return strings.Replace(text, "http {", "http {"+places, 1)
	},
}

func TestAttack_Nginx(t *testing.T) {
	t.Parallel()
	b := newBehind(t, nginx)
	b.attack()
	b.failClosed()
}

package testserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Nginx starts an nginx with one virtual host. locations are the directives
// inside of its server block, location blocks for instance.
func Nginx(t testing.TB, locations string) *Server {
	t.Helper()
	program := find(t, "nginx", "nginx")
	s := newServer(t, "nginx")
	s.user = "nobody"
	temp := s.folder("temp")
	s.command = func() (string, []string) {
		_, listen, _ := strings.Cut(s.Addr, ":")
		config := s.file("nginx.conf", fmt.Sprintf(nginxConfig, temp, listen, locations))
		return program, []string{"-p", temp, "-e", "stderr", "-c", config}
	}
	s.ready = func(ctx context.Context) error {
		conn, err := dial(ctx, "tcp", s.Addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	s.begin()
	return s
}

const nginxConfig = `
daemon off;
worker_processes 1;
error_log stderr warn;
pid %[1]s/nginx.pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen 127.0.0.1:%[2]s;
		proxy_set_header Host $http_host;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
%[3]s
	}
}
`

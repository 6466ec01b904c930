package redis_test

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestParseLocation has the forms of Django's, redis-py's and django-redis's
// documentation.
func TestParseLocation(t *testing.T) {
	host := func(addrs ...string) redis.Options { return redis.Options{Addrs: addrs} }
	with := func(o redis.Options, f func(*redis.Options)) redis.Options { f(&o); return o }
	plainTLS := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, c := range []struct {
		location string
		want     redis.Options
	}{
		{"redis://127.0.0.1:6379", host("127.0.0.1:6379")},
		{"redis://", host("localhost:6379")},
		{"redis://cache", host("cache:6379")},
		{"redis://cache:", host("cache:6379")},
		{"REDIS://cache:6380/", host("cache:6380")},
		{"valkey://cache:6380", host("cache:6380")},
		{"redis://[::1]:6380/2", with(host("[::1]:6380"), func(o *redis.Options) { o.DB = 2 })},
		{"redis://[::1]", host("[::1]:6379")},
		{"redis://username:password@127.0.0.1:6379", with(host("127.0.0.1:6379"), func(o *redis.Options) { o.Username, o.Password = "username", "password" })},
		{"redis://:password@h/1", with(host("h:6379"), func(o *redis.Options) { o.Password, o.DB = "password", 1 })},
		{"redis://user@h", with(host("h:6379"), func(o *redis.Options) { o.Username = "user" })},
		{"redis://u%3Aser:p%40ss%2Fw%25@h", with(host("h:6379"), func(o *redis.Options) { o.Username, o.Password = "u:ser", "p@ss/w%" })},
		{"redis://:p@ss^100%,w;é@h", with(host("h:6379"), func(o *redis.Options) { o.Password = "p@ss^100%,w;é" })},
		{"redis://h/1?db=3&client_name=my+site&protocol=2", with(host("h:6379"), func(o *redis.Options) { o.DB, o.ClientName, o.RESP2 = 3, "my site", true })},
		{"redis://u:p@h?username=v&password=q", with(host("h:6379"), func(o *redis.Options) { o.Username, o.Password = "u", "p" })},
		{"redis://h?username=v&password=q%2526", with(host("h:6379"), func(o *redis.Options) { o.Username, o.Password = "v", "q&" })},
		{"redis://h?socket_timeout=0.5&socket_connect_timeout=2", with(host("h:6379"), func(o *redis.Options) { o.Timeout, o.ConnectTimeout = 500*time.Millisecond, 2*time.Second })},
		{"redis://h?max_connections=50&retry_on_timeout=True&health_check_interval=30&db=", host("h:6379")},
		{"rediss://h:6380/0", with(host("h:6380"), func(o *redis.Options) { o.TLS = plainTLS })},
		{"valkeys://h?ssl_cert_reqs=none", with(host("h:6379"), func(o *redis.Options) {
			o.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
		})},
		{"rediss://h?ssl_cert_reqs=required", with(host("h:6379"), func(o *redis.Options) { o.TLS = plainTLS })},
		{"unix:///run/redis.sock", host("/run/redis.sock")},
		{"unix://user:pw@/run/redis.sock?db=4", with(host("/run/redis.sock"), func(o *redis.Options) { o.Username, o.Password, o.DB = "user", "pw", 4 })},
		{"unix:///run/a%20b.sock", host("/run/a b.sock")},
		{"redis://127.0.0.1:6379,redis://127.0.0.1:6378", host("127.0.0.1:6379")},
		{"redis://127.0.0.1:6379 ; rediss://127.0.0.1:6378;", host("127.0.0.1:6379")},
		{"redis+cluster://u:p@a:1,b,[::1]:3", with(host("a:1", "b:6379", "[::1]:3"), func(o *redis.Options) { o.Cluster, o.Username, o.Password = true, "u", "p" })},
		{"rediss+cluster://a", with(host("a:6379"), func(o *redis.Options) { o.Cluster, o.TLS = true, plainTLS })},
		{"redis+sentinel://:p@a,b:2/mymaster/5", with(host("a:26379", "b:2"), func(o *redis.Options) { o.Master, o.Password, o.DB = "mymaster", "p", 5 })},
		{"redis+sentinel://a/mymaster", with(host("a:26379"), func(o *redis.Options) { o.Master = "mymaster" })},
	} {
		got, err := redis.ParseLocation(c.location)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%+v\nnot\n%+v\n%v", c.location, got, c.want, err)
		}
	}
	got, err := redis.ParseLocation("redis://leader:6379", "redis://replica1:6379", "redis://replica2:6379")
	if err != nil || !reflect.DeepEqual(got, host("leader:6379")) {
		t.Errorf("a list: %+v, %v", got, err)
	}
}

// TestWrongLocation: every error says what is wrong and quotes nothing that may
// be a secret.
func TestWrongLocation(t *testing.T) {
	const secret = "hunter2"
	for location, want := range map[string]string{
		"":                                           "redis: no URL",
		" , ":                                        "redis: no URL",
		"hunter2":                                    "redis: the URL begins with none of",
		"http://user:hunter2@h":                      "redis: the URL begins with none of",
		"redis://user:hunter2@h:port":                "redis: the port is no number",
		"redis://user:hunter2@h:0":                   "redis: the port is no number",
		"redis://user:hunter2@h:65536":               "redis: the port is no number",
		"redis://user:hunter2@[broken":               "redis: the brackets around the host don't match",
		"redis://user:hunter2@[::1]x:1":              "redis: the brackets around the host don't match",
		"redis://user:hunter2@h/name":                "redis: the path is not the number of a database",
		"redis://user:hunter2@h/-1":                  "redis: the path is not the number of a database",
		"redis://user:hunter2@h?db=x":                "redis: the value of the option db can't be used",
		"redis://user:hunter2@h?protocol=4":          "redis: the value of the option protocol can't be used",
		"redis://user:hunter2@h?socket_timeout=0":    "redis: the value of the option socket_timeout can't be used",
		"redis://user:hunter2@h?socket_timeout=nan":  "redis: the value of the option socket_timeout can't be used",
		"redis://user:hunter2@h?decode_responses=1":  `redis: the option "decode_responses" is not known`,
		"redis://user:hunter2@h?skip_verify=1":       `redis: the option "skip_verify" is not known`,
		"redis://user:a?hunter2=b@h":                 `redis: a "@" among the options`,
		"redis://user:hunter2/x@h":                   "redis: the port is no number",
		"redis://user:hunter2@h?ssl_cert_reqs=none":  "redis: the option ssl_cert_reqs needs a URL that begins with rediss",
		"rediss://user:hunter2@h?ssl_cert_reqs=some": "redis: the value of the option ssl_cert_reqs can't be used",
		"rediss://h?ssl_ca_certs=/no/such/file":      "redis: ssl_ca_certs: open /no/such/file: no such file or directory",
		"redis://user:hunter2@a:1,b:2":               "redis: several hosts in a URL for one server",
		"redis+sentinel://user:hunter2@a:1":          "redis: a Sentinel's URL needs the master's name",
		"unix://user:hunter2@":                       "redis: a unix URL is unix:///path/of/socket",
		"unix://host/path":                           "redis: a unix URL is unix:///path/of/socket",
		"redis://a,redis://user:hunter2@b:port":      "redis: URL 2: the port is no number",
	} {
		_, err := redis.ParseLocation(location)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for want, o := range map[string]redis.Options{
		"redis: Cluster and Sentinel at once":                                               {Cluster: true, Master: "m"},
		"redis: a Cluster has only the database 0":                                          {Cluster: true, DB: 1},
		"redis: several addresses that are neither a Cluster nor Sentinels":                 {Addrs: []string{"a:1", "b:1"}},
		"redis: an account for Sentinels, but no Master":                                    {SentinelPassword: "p"},
		"redis: a negative number in the options":                                           {Timeout: -1},
		"redis: a Cluster has only the database 0\nredis: a negative number in the options": {Cluster: true, DB: 1, WaitReplicas: -1},
	} {
		if _, _, err := redis.OpenOptions(o); err == nil || err.Error() != want {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestTLSOptions connects with the TLS options of redis-py.
func TestTLSOptions(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{TLS: true, Args: []string{"--bind", "127.0.0.1", "127.0.0.2"}})
	_, port, _ := strings.Cut(s.Addr, ":")
	elsewhere := "127.0.0.2:" + port // the server has no certificate for this
	for _, c := range []struct {
		url  string
		want string // in the error; "" is none
	}{
		{"rediss://" + s.Addr, "unknown authority"},
		{"rediss://" + s.Addr + "?ssl_cert_reqs=none", ""},
		{"rediss://" + s.Addr + "?ssl_ca_certs=" + s.CertFile, ""},
		{"rediss://" + s.Addr + "?ssl_ca_path=" + filepath.Dir(s.CertFile), ""},
		{"rediss://" + elsewhere + "?ssl_ca_certs=" + s.CertFile, "127.0.0.2"},
		{"rediss://" + elsewhere + "?ssl_check_hostname=false&ssl_ca_certs=" + s.CertFile, ""},
		{"rediss://" + elsewhere + "?ssl_check_hostname=false", "unknown authority"},
		{"redis://" + s.Addr, "connect: "},
	} {
		err := open(t, c.url).Set(t.Context(), "k", "v", time.Hour)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func FuzzParseLocation(f *testing.F) {
	f.Fuzz(func(t *testing.T, location string) {
		const secret = "correcthorsebatterystaple"
		// A password that needs no escapes never comes out again.
		_, err := redis.ParseLocation("redis://u:" + secret + "@" + location)
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("the error is %v", err)
		}
		o, err := redis.ParseLocation(location)
		if err == nil && len(o.Addrs) == 0 {
			t.Error("no address and no error")
		}
	})
}

package memcached_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache/memcached"
)

// BenchmarkCache measures what a session costs: a load, and a load with a save.
func BenchmarkCache(b *testing.B) {
	_, addresses := start(b, 1)
	c := open(b, memcached.Options{Servers: addresses})
	value := strings.Repeat("x", 400)
	if err := c.Set(b.Context(), "k", value, time.Hour); err != nil {
		b.Fatal(err)
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Get(b.Context(), "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Get parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Get(b.Context(), "k"); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("Get and Swap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			item, err := c.Get(b.Context(), "k")
			if err == nil {
				_, err = c.Swap(b.Context(), "k", item, value, time.Hour)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Set(b.Context(), "k", value, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkThreeServers adds the choice of the server.
func BenchmarkThreeServers(b *testing.B) {
	_, addresses := start(b, 3)
	for name, distribution := range map[string]memcached.Distribution{"Rendezvous": memcached.Rendezvous, "Modula": memcached.Modula} {
		b.Run(name, func(b *testing.B) {
			c := open(b, memcached.Options{Servers: addresses, Distribution: distribution})
			key := ":1:django.contrib.sessions.cache" + strings.Repeat("k", 32)
			if err := c.Set(b.Context(), key, "v", time.Hour); err != nil {
				b.Fatal(err)
			}
			var failures atomic.Int64
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Get(b.Context(), key); err != nil {
					failures.Add(1)
				}
			}
			if failures.Load() > 0 {
				b.Errorf("%d calls failed", failures.Load())
			}
		})
	}
}

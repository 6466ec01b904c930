module github.com/keepsake-go/sessions/cache/memcached

go 1.26.0

require github.com/keepsake-go/sessions v0.1.0

require (
	github.com/klauspost/compress v1.20.3 // indirect
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.49.0 // indirect
)

module github.com/keepsake-go/sessions/cache/redis

go 1.26.0

require (
	github.com/keepsake-go/sessions v0.1.0
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

module github.com/keepsake-go/sessions/cache/memcached

go 1.26.0

require github.com/keepsake-go/sessions v0.1.0

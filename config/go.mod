module github.com/keepsake-go/sessions/config

go 1.26.0

require (
	github.com/keepsake-go/sessions v0.1.0
	github.com/pelletier/go-toml/v2 v2.4.3
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

module github.com/keepsake-go/sessions/examples/websocket

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/keepsake-go/sessions v0.1.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

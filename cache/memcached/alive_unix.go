//go:build unix

package memcached

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// alive reports whether a connection that is idle is still open, by looking
// without waiting: a server that has gone left an end or an error, and anything
// else that arrived unasked makes it unusable, too.
func alive(c net.Conn) bool {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	raw, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	rawConn, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = rawConn.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		open = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && open
}

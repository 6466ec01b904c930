package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// Options say which servers a Cache is on, and how it talks to them.
// ParseLocation makes them of a Django's LOCATION. The zero value is the server
// on localhost:6379.
type Options struct {
	// Addrs are host:port, or the path of a Unix socket: of the one server; with
	// Master, of the Sentinels; with Cluster, of some of the nodes, which tell of
	// the others. Nil is localhost, on port 6379 (26379 with Master).
	Addrs []string

	// Master is the name under which Sentinels know the servers.
	Master string

	// Cluster: the servers are a Redis Cluster. It has only the database 0.
	Cluster bool

	DB int // the number of the database

	// Username is an account of Redis's ACL; "" is its default account.
	Username, Password string

	// SentinelUsername and SentinelPassword are for the Sentinels themselves.
	SentinelUsername, SentinelPassword string

	// TLS, unless nil, has all connections encrypted, to Sentinels too.
	TLS *tls.Config

	ClientName string // is what CLIENT LIST shows

	// RESP2 has the client speak the protocol's second version only, for
	// servers and proxies that mishandle the question for the third.
	RESP2 bool

	// ConnectTimeout bounds how long a connection may take (0: 5 s).
	ConnectTimeout time.Duration

	// Timeout is after what time without an answer a connection is given up
	// (0: 5 s). A call ends earlier when its context does.
	Timeout time.Duration

	// WaitReplicas is how many replicas must have a write before it is
	// acknowledged (Redis's WAIT). With as many as a master has, an acknowledged
	// write survives every failover; with fewer, one in which a replica of those
	// takes over. A write that too few confirm within Timeout is
	// cache.ErrUnknownOutcome, so while a replica is missing there may be nothing
	// else. It costs a round trip between the servers. 0 is Redis's own way: a
	// failover may lose the last writes.
	WaitReplicas int

	// ClientCaching switches on client-side caching (CLIENT TRACKING), for the
	// cache engine's reads only: for so long, at most a second, a session that
	// was read is read again without asking the server. 250 ms is a good value
	// for pages that make many requests at once. 0, the default, is none: every
	// read asks.
	//
	// READS ARE THEN NOT EXACT. A read may be older than a write that another
	// process has acknowledged: by the time that the server's message takes,
	// some milliseconds, and by ClientCaching if it does not come. A process
	// sees its own writes at once. No update is lost: a save is still compared
	// with what the server has, and made anew if that has changed.
	//
	// A LOGOUT IS FINAL, AT A PRICE: whoever ends a session or changes its key,
	// at a login too, waits for ClientCaching, and a little, before it is
	// acknowledged; after that nobody reads it. This holds among processes that
	// all have the same ClientCaching. LOGOUTS OF A DJANGO, and of programs
	// without ClientCaching, DON'T WAIT: to them applies what is said of writes.
	// docs/client_caching.md tells more.
	//
	// It needs Redis 6 or Valkey, RESP3, and for an account the right to CLIENT
	// TRACKING; without them nothing can be used, and the error says so.
	ClientCaching time.Duration
}

// maxClientCaching is for how long a login may wait.
const maxClientCaching = time.Second

// client is what rueidis is to be opened with, and everything that is wrong.
func (o *Options) client() (rueidis.ClientOption, error) {
	var wrong []error
	if o.Cluster && o.Master != "" {
		wrong = append(wrong, errors.New("redis: Cluster and Sentinel at once"))
	}
	if o.Cluster && o.DB != 0 {
		wrong = append(wrong, errors.New("redis: a Cluster has only the database 0"))
	}
	if !o.Cluster && o.Master == "" && len(o.Addrs) > 1 {
		wrong = append(wrong, errors.New("redis: several addresses that are neither a Cluster nor Sentinels"))
	}
	if o.Master == "" && o.SentinelUsername+o.SentinelPassword != "" {
		wrong = append(wrong, errors.New("redis: an account for Sentinels, but no Master"))
	}
	if o.DB < 0 || o.WaitReplicas < 0 || o.ConnectTimeout < 0 || o.Timeout < 0 {
		wrong = append(wrong, errors.New("redis: a negative number in the options"))
	}
	if o.ClientCaching < 0 || o.ClientCaching > maxClientCaching {
		wrong = append(wrong, fmt.Errorf("redis: ClientCaching is from 0 to %v: each login and logout waits as long", maxClientCaching))
	}
	if o.ClientCaching > 0 && o.RESP2 {
		wrong = append(wrong, errors.New("redis: ClientCaching with RESP2: it needs RESP3"))
	}
	if len(wrong) > 0 {
		return rueidis.ClientOption{}, errors.Join(wrong...)
	}
	dialer := net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: time.Second}
	c := rueidis.ClientOption{
		InitAddress: o.Addrs,
		Username:    o.Username, Password: o.Password, SelectDB: o.DB, ClientName: o.ClientName,
		TLSConfig: o.TLS, Dialer: dialer, ConnWriteTimeout: o.Timeout, AlwaysRESP2: o.RESP2,
		ForceSingleClient: o.single(),
		DisableCache:      o.ClientCaching == 0, // rueidis's own is never used: see copies
		PipelineMultiplex: -1,                   // one connection: more are no faster, and each would have to be found broken
		RetryDelay:        retryDelay,
		ClusterOption:     rueidis.ClusterOption{MaxMovedRedirections: maxRedirects},
	}
	if o.Master != "" {
		c.Sentinel = rueidis.SentinelOption{
			MasterSet: o.Master, Username: o.SentinelUsername, Password: o.SentinelPassword,
			TLSConfig: o.TLS, Dialer: dialer, ClientName: o.ClientName,
			// Else a change of the master that was missed is missed for ever.
			TopologyRefreshInterval: 2 * time.Second,
		}
	}
	return c, nil
}

func (o *Options) single() bool { return !o.Cluster && o.Master == "" }

// withDefaults fills in what zero stands for.
func (o Options) withDefaults() Options {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{"localhost:6379"}
		if o.Master != "" {
			o.Addrs[0] = "localhost:26379"
		}
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o
}

// maxRedirects is how often a command follows a Cluster's MOVED and ASK.
const maxRedirects = 5

// retryDelay is how long rueidis waits before it asks again after a lost
// connection, or while a server starts: twice and shortly, so that a restart is
// not seen. It does so for commands that only read.
func retryDelay(attempts int, _ rueidis.Completed, _ error) time.Duration {
	if attempts > 2 {
		return -1
	}
	return time.Duration(attempts) * 20 * time.Millisecond
}

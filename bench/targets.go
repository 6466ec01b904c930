package main

import "fmt"

// target is a row of the table of targets: a ratio of this run, and what it is to
// be.
type target struct {
	what         string
	least, aim   string
	value        func(results) spread
	leastN, aim2 float64
	smaller      bool // smaller is better
}

func (t target) verdict(s spread) string {
	meets := func(limit float64) bool { return s.median >= limit }
	if t.smaller {
		meets = func(limit float64) bool { return s.median <= limit }
	}
	switch {
	case !s.ok():
		return ""
	case meets(t.aim2):
		return "aim"
	case meets(t.leastN):
		return "met"
	}
	return "missed"
}

// times is a target for how many times faster Keepsake is.
func times(what string, least, aim float64, slow, fast, base string, metric func(sample) float64) target {
	return target{
		what: what, least: fmt.Sprintf("%g×", least), aim: fmt.Sprintf("%g×", aim), leastN: least, aim2: aim,
		value: func(rs results) spread { return rs.ratio(slow, fast, base, metric) },
	}
}

// part is a target for what part of another's cost Keepsake's is.
func part(what string, least, aim float64, ours, theirs, base string, metric func(sample) float64) target {
	return target{
		what: what, least: fmt.Sprintf("%.3g×", least), aim: fmt.Sprintf("%.3g×", aim), leastN: least, aim2: aim, smaller: true,
		value: func(rs results) spread { return rs.ratio(ours, theirs, base, metric) },
	}
}

// count is a target for an exact number.
func count(what string, most float64, ours, base string) target {
	return target{
		what: what, least: fmt.Sprintf("%g", most), aim: fmt.Sprintf("%g", most), leastN: most, aim2: most, smaller: true,
		value: func(rs results) spread {
			with, without := rs.of(ours, allocations), rs.of(base, allocations)
			n := float64(int(with.median - without.median + 0.5))
			return spread{n, n, n}
		},
	}
}

func allocations(s sample) float64 { return s.allocs }

var targets = []target{
	part("A, no cookie: time over the bare handler, against scs", 0.5, 0.3,
		"A nobody inside keepsake", "A nobody inside scs", "A nobody inside bare", cpu),
	count("A, no cookie: allocations over the bare handler", 3, "A nobody inside keepsake", "A nobody inside bare"),
	times("A, cookie sent, not touched, against scs in memory", 25, 45,
		"A memory inside scs", "A memory inside keepsake", "A memory inside bare", cpu),
	times("B in memory, in process, against scs", 10, 20, "B memory inside scs", "B memory inside keepsake", "B memory inside bare", cpu),
	count("B in memory: allocations of a read over the bare handler", 6, "B memory inside keepsake", "B memory inside bare"),
	times("C in memory, in process, against scs", 8, 15, "C memory inside scs", "C memory inside keepsake", "C memory inside bare", cpu),
	part("server CPU per read over the bare handler, against scs: memory", 1./10, 1./16, "B memory keepsake", "B memory scs", "B memory bare", cpu),
	part("the same: Redis", 1./3, 1./4, "B redis keepsake", "B redis scs", "B redis bare", cpu),
	part("the same: SQLite", 1./4, 1./6, "B sqlite keepsake", "B sqlite scs", "B sqlite bare", cpu),
	part("the same: PostgreSQL", 0.6, 0.5, "B postgres keepsake", "B postgres scs", "B postgres bare", cpu),
	times("HTTP read on Redis against scs with go-redis", 1.8, 2.2, "B redis scs", "B redis keepsake", "", wall),
	times("the same with client-side caching", 3, 4, "B redis scs", "B redis keepsake-tracking", "", wall),
	times("HTTP save without loss on Redis against scs's blind save", 1.5, 2.5, "C redis scs", "C redis keepsake", "", wall),
	times("SQLite read against scs on the same driver", 2.5, 3.2, "B sqlite scs", "B sqlite keepsake", "", wall),
	times("SQLite save", 3, 4, "C sqlite scs", "C sqlite keepsake", "", wall),
	times("SQLite create", 2, 2.5, "D sqlite scs", "D sqlite keepsake", "", wall),
	times("SQLite read in process, one caller, over the bare handler", 2.5, 3.2, "B sqlite inside scs", "B sqlite inside keepsake", "B sqlite inside bare", wall),
	times("the same: save", 3, 4, "C sqlite inside scs", "C sqlite inside keepsake", "C sqlite inside bare", wall),
	times("the same: create", 2, 2.5, "D sqlite inside scs", "D sqlite inside keepsake", "D sqlite inside bare", wall),
	times("SQLite with full sync, 64 writers, against one transaction each", 5, 9,
		"C sqlite-full inside ×64 limit", "C sqlite-full inside ×64 store", "", wall),
	part("its p99, against one transaction each", 1, 0.1, "C sqlite-full inside ×64 store", "C sqlite-full inside ×64 limit", "", p99),
	times("PostgreSQL, 64 writers, against one transaction each", 2.5, 4,
		"C postgres inside ×64 limit", "C postgres inside ×64 store", "", wall),
	part("the same at one writer: SQLite", 1.1, 1, "C sqlite-full inside ×1 store", "C sqlite-full inside ×1 limit", "", wall),
	part("the same at one writer: PostgreSQL", 1.1, 1, "C postgres inside ×1 store", "C postgres inside ×1 limit", "", wall),
	times("PostgreSQL: HTTP save against scs with pgx", 1.8, 2.3, "C postgres scs", "C postgres keepsake", "", wall),
	part("E, sliding expiry (an idle timeout) against B: memory", 1.1, 1.02, "E memory keepsake-idle", "E memory keepsake", "", cpu),
	part("the same: Redis", 1.1, 1.02, "E redis keepsake-idle", "E redis keepsake", "", cpu),
	part("the same: SQLite", 1.1, 1.02, "E sqlite keepsake-idle", "E sqlite keepsake", "", cpu),
	part("the same: PostgreSQL", 1.1, 1.02, "E postgres keepsake-idle", "E postgres keepsake", "", cpu),
	part("G, ten parallel requests of one visitor, nothing lost, against scs's lossy run: memory", 1.5, 1, "G memory keepsake", "G memory scs", "", wall),
	part("the same: Redis", 1.5, 1, "G redis keepsake", "G redis scs", "", wall),
	part("the same: SQLite", 1.5, 1, "G sqlite keepsake", "G sqlite scs", "", wall),
	part("the same: PostgreSQL", 1.5, 1, "G postgres keepsake", "G postgres scs", "", wall),
	times("a real Django on the same server and data: Redis, read", 10, 20, "B redis django", "B redis keepsake", "", wall),
	times("the same: Redis, save", 10, 20, "C redis django", "C redis keepsake", "", wall),
	times("the same: SQLite, read", 10, 20, "B sqlite django", "B sqlite keepsake", "", wall),
	times("the same: SQLite, save", 10, 20, "C sqlite django", "C sqlite keepsake", "", wall),
	times("the same: PostgreSQL, read", 10, 20, "B postgres django", "B postgres keepsake", "", wall),
	times("the same: PostgreSQL, save", 10, 20, "C postgres django", "C postgres keepsake", "", wall),
	times("the same: signed cookies, save", 10, 20, "F cookie django", "F cookie keepsake", "", wall),
	part("H, save p99 during a clean-up against without: SQLite", 2, 1.2, "H sqlite saves-meanwhile", "H sqlite saves-alone", "", p99),
	part("the same: PostgreSQL", 2, 1.2, "H postgres saves-meanwhile", "H postgres saves-alone", "", p99),
	part("H, the clean-up's time beside traffic against one DELETE without: SQLite", 3, 3, "H sqlite clean-up", "H sqlite one-delete", "", wall),
	part("the same: PostgreSQL", 3, 3, "H postgres clean-up", "H postgres one-delete", "", wall),
	times("F, cookie engine against gorilla", 2, 2.6, "F cookie inside gorilla", "F cookie inside keepsake", "F cookie inside bare", cpu),
	times("F, uncompressed", 12, 18, "F cookie inside gorilla", "F cookie inside keepsake-plain", "F cookie inside bare", cpu),
	times("the codec alone, uncompressed, against securecookie: read by who wrote it", 12, 18, "F codec inside gorilla", "F codec inside keepsake-own", "", cpu),
	times("the same: read by another process", 12, 18, "F codec inside gorilla", "F codec inside keepsake-plain", "", cpu),
}

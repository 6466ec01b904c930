// Package cachetest is the suite that every cache passes: the contract of
// cache.Cache, sentence by sentence.
//
//	func TestMyCache(t *testing.T) {
//		cachetest.Run(t, func(t *testing.T, clock func() time.Time) cache.Cache {
//			return mycache.New(mycache.Options{Clock: clock})
//		}, cachetest.Options{})
//	}
//
// Time is a fake clock's. A cache whose server has a clock of its own sets
// Options.Advance, which lets what is stored grow older. A failure quotes the
// sentence of the contract that was broken.
//
// The package's own test has caches with one defect each, and checks that the
// suite rejects every one of them for that defect.
//
// A cache that passes can hold sessions: engine.Cache makes an engine of it, and
// engine/enginetest is the suite of that.
package cachetest

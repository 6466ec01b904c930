// Package enginetest is the suite that every engine passes: the contract of
// sessions.Store, sentence by sentence, and whole sessions on top of it.
//
//	func TestMyEngine(t *testing.T) {
//		enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
//			return myengine.New(t.TempDir())
//		}, enginetest.Options{})
//	}
//
// Time is a fake clock's in the Settings that the engine is opened with: an
// engine that asks time.Now fails. A failure quotes the sentence of the contract
// that was broken.
//
// The package's own test has stores with one defect each, and checks that the
// suite rejects every one of them for that defect.
package enginetest

//go:build race

package hashers

// raceEnabled: the race detector makes hashing thirty times slower.
const raceEnabled = true

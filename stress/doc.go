// Package stress runs Keepsake as it is deployed: several processes on one store,
// under races and faults, with an account of every write that was acknowledged.
// docs/stress.md says what is run and how to read the table that it prints.
//
// The tests are the whole of it. make stress runs them in full; go test of
// itself, as in make test, runs a short version.
package stress

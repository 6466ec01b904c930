package main

// loss is what a contestant lost of the writes that it acknowledged.
type loss struct {
	name         string
	acknowledged int
	kept         int
	failed       int // answered with an error: those are no losses
}

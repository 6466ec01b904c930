// Package demo is the site of keepsake demo: what every Django developer knows
// of sessions, working, beside the lines of Go and of Django that do it.
//
// A GET of / counts one visit, saves, and shows what was saved. The forms POST
// and redirect back. /session.json shows the session without counting.
package demo

// Package folder replaces files in a folder that other programs write to as
// well: the file engine's and the file-based cache's, each beside a Django.
//
// Processes of ours take turns on a file by a lock on the file itself, so there
// are no lock files. A Django takes no lock: it writes another file and renames
// it. So whatever replaces or removes a file here shows afterwards that it was
// the one that was read, else it is ErrOvertaken and the other's file is left in
// place.
//
// Outside Linux there is no exchange of two names, and turns are taken within
// one process only: the folder must not be shared there with other writers.
package folder

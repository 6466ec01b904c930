// Package pyliteral reads what Python's repr writes of values: numbers, strings,
// bytes, None, lists, tuples, sets, dicts, paths and time spans. What it does not
// know, an object of a class or a function, is kept as Unknown, so that the values
// around it can be read.
package pyliteral

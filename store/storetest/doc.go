// Package storetest holds what tests of a journal need: a contract suite that any journal can be run through, a toy aggregate to log facts of, and a
// consumer that reads a cursor and remembers what it saw.
package storetest

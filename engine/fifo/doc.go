// Package fifo judges the line of an event, and its waiting list, by the event's log and the stated rules alone: it draws the places itself, from what the event has published,
// finds out after each fact whose turn is next, and says which turns were somebody else's. It knows nothing of the event's state, and shares no code with what has
// decided: so it can be run by whoever has the log, and it is what the engine's own tests are judged by.
//
// The rules are those of docs/line-rules.md and of docs/line.md. What cannot be found in the log by itself is not judged: how many may shop, and what of that is free fits whom.
package fifo

// Package measure turns what happened into numbers: conversion, abandonment, latency, adoption, revenue, and what else a product manager asks after
// launching one-click checkout. Each number is defined once, in this package, and shown from here everywhere: the KPI stream, /metrics, the dashboard, the
// report, and the baseline of a shop that sold elsewhere before.
//
//	the log's runs           a shop's own records
//	      │                          │
//	      v                          v
//	   [Reader]              baseline (cmd/engine)
//	      │                          │
//	      └────── [Entry] ───────────┘        what happened, once: a view, a hold, an order, a refund, ...
//	                 │
//	                 v
//	              [Book]  ──> meters, one for each family of KPIs, each by series (everything, an event, a flow, a device, ...)
//	                 │
//	             [Query]
//	                 v
//	              [Answer]: rows of [Figure]s
//
// Everything here is a pure function of the entries and their times: the same log gives the same book, byte by byte, whether it was read at once or with
// stops and [Book.AppendState] between. Nothing here has a clock: now is the time of the newest entry, or what the one who asks says it is.
package measure

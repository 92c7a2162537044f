// Package line has the pure parts of an event's line: what anybody can check (the lobby's tree, the draw, receipts), and what the event decides
// or says by formula (how many may shop, the chance of a ticket, how fair it was). It keeps no event and imports nothing of ours.
//
//	lobby opens    closes             revealed            places
//	    │             │                  │                   │
//	 [Commit]      [Tree.Root]       seed, value     [Draw.Key] of each leaf, ascending ([Places])
//	    │             │
//	 joins: [Leaf], [Receipt]
//
// What is published at each step fixes what comes after it, so that nobody can choose a place: docs/line.md says who can check what, and gives
// every formula. All of it is integers and bytes but [Outlook] and what [Fairness] reports: people are told them, and they decide nothing.
package line

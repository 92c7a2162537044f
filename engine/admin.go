package engine

// AdminCommand is what an operator asks for. Which fields matter depends on Verb; the others are zero. Unlike a [Command] it does not reach an
// event as it is: the shell carries it out, and notes in the node's own log that it was asked for.
type AdminCommand struct {
	Verb      string // the last token of its subject, as in "audit"
	Account   string // of the connection that it came over
	RequestID string // for the audit: an admin command has its effect whenever it is asked for, so nothing remembers it
	Operator  string // who asks, in their own words: an id, proved by nothing
	Event     string
	Request   string // why: the request id that is asked about
	Name      string // backup: of its folder; empty if the engine is to choose one

	After        int64 // audit: entries with a greater seq
	Limit        int64 // audit
	Since, Until Instant

	Facts       int64   // inspect: how many of the newest facts are wanted
	Fact, Batch int64   // inspect: behind which fact, behind which batch of the journal; 0 for none
	At          Instant // inspect: at which moment; 0 for none

	Gateway   string // lane
	RateMilli int64  // lane: the new rate, in thousandths of a call a second; 0 leaves it
	OneClick  string // one-click: "on" or "off"; empty leaves it
	Share     int64  // one-click: of buyers, in hundredths of a percent; 0 leaves it
	Purchase  string // resolve
	Answer    string // resolve: what became of the charge, "authorised", "captured" or "voided"
	Order     string // evidence
	Buyer     string // wallet-show, wallet-export, wallet-erase
	Action    string // webhooks: add, remove, list, replay or dead
	Endpoint  string // webhooks: the id of one
	URL       string // webhooks, add: where notices go; it may hold a secret
	Kinds     string // webhooks, add: of notices, with a comma between; empty is all
}

// AdminAnswer is what became of an [AdminCommand]. With a code other than CodeOK it is a refusal and shows nothing.
type AdminAnswer struct {
	Code         Code
	Field        string // the field that is to blame
	Text         string // a sentence for people, with every code but CodeOK
	RetryAfterMs int64
	Audit        Seq // of the audit fact, in the node's log; 0 if there is none

	// One of these is set, by verb.

	Entries  *AuditPage
	Events   *EventCounts
	Snapshot *PassView
	Why      *WhyView
	Event    *Whereabouts
	Backup   *BackupView

	Inspection *InspectView

	Lanes    []LaneView
	OneClick *OneClickView
	Resolved *ResolvedView

	Webhooks  *WebhooksView
	Evidence  string // a document in JSON
	TicketKey string // the id of the new key
	Wallet    string // a document in JSON: what is held about a buyer, without secrets
	Erased    string // the buyer who is forgotten: the key is destroyed
}

// LaneView is what operators see of the line in front of a payment gateway.
type LaneView struct {
	Gateway        string
	RateMilli      int64 // thousandths of a call a second, as it was set
	EffectiveMilli int64 // what the gateway lets us make of it
	Waiting        int64 // purchases before their first turn
	Finishing      int64 // charges to be finished now
	Later          int64 // charges to be asked about later
	InFlight       int64 // calls
	Unknown        int64 // charges whose last question was not answered
	EtaMs          int64 // that a new purchase would have to wait
	BreakerOpen    bool  // the gateway does not answer: new purchases are refused
}

// OneClickView is what is set for one-click checkout everywhere.
type OneClickView struct {
	On    bool
	Share int64 // of buyers, in hundredths of a percent
}

// ResolvedView is a purchase that an operator has resolved.
type ResolvedView struct {
	Event, Purchase, State, Charge string
}

// InspectView is an event as it was behind one of its facts.
type InspectView struct {
	Account, Event        string
	Fact                  Seq // the state is the one behind it
	At                    Instant
	Batch                 uint64  // of the journal: the last that has a fact of it; 0 if its snapshot has all of them
	LastBatch             uint64  // of the journal, at its end
	HighMark              Instant // the latest node time known to have been reached
	StateHash             uint64
	State, Name, Currency string
	HoldsLive, Orders     int64
	Lots                  []InspectedLot // pools too
	NewIDs                string         // after a restore: what new ids end in
	Cut                   bool           // there were older facts than those shown, but the log has been cut
	Facts                 []FactView     // the newest, oldest first
}

// InspectedLot is a lot or a pool, and its tickets.
type InspectedLot struct {
	Lot    string
	Pool   bool
	Counts Counts
}

// BackupView says how far a backup is that a running engine makes. Unless it is whole, only its name and its folder are known.
type BackupView struct {
	Name       string
	Path       string // its folder, on the engine's machine
	Whole      bool   // it is finished, and verified; otherwise it is being made
	LastBatch  uint64 // of the journal: the backup ends with it
	ChainHead  string // the chain's link there, in hex
	States     string // a hash over the states of all aggregates, in hex
	Aggregates int
	Bytes      uint64 // of all files
	Made       Instant
}

// Whereabouts says where an event is.
type Whereabouts struct {
	Event string
	Place string // "awake", "asleep" or "archived"
	File  string // archived: its file in the data folder
}

// EventCounts says how many events of an account are in which state.
type EventCounts struct {
	Awake, Asleep int64
	Quarantined   []QuarantinedEvent // a bounded list, sorted by id
}

// QuarantinedEvent is an event that is set aside, and the reason.
type QuarantinedEvent struct{ Event, Why string }

// PassView says what a snapshot pass did. From and To are batches of the journal.
type PassView struct {
	From, To, Trimmed uint64
	Facts             uint64 // replayed
	Snapshots         int    // new ones
	Bytes             uint64
	TookMs            int64
}

// WebhooksView shows endpoints that notices are delivered to, or what became of one.
type WebhooksView struct {
	Endpoints []WebhookView
	Made      string // add: its id
	Secret    string // add: what requests to it are signed with; it is shown once
	Dead      []DeadLetterView
	Delivered int64  // replay of dead letters: so many arrived
	Problem   string // replay of dead letters: why the next one did not
}

// WebhookView is an endpoint that notices are delivered to.
type WebhookView struct {
	ID, Host                   string
	Kinds                      []string
	Made                       Instant
	Delivered, Failed, Waiting int64
	Error                      string
}

// DeadLetterView is a notice that could not be delivered.
type DeadLetterView struct {
	Notice, Subject string
	At              Instant
	Attempts        int64
	Error           string
}

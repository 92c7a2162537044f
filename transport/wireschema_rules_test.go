package transport_test

import (
	"math"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/transport"
)

// rule is what the contract says of a field of a request beyond its type. TestWireAsyncAPIRulesAreTheEngines tries each side of every bound
// against the engine, so a rule that is missing, too strict or too lax fails there.
type rule struct {
	value object // of the value, or of each value of a list
	list  object // of the list
}

// visible is a text of visible ASCII.
func visible(most int) object {
	return object{{"pattern", "^[!-~]{0," + strconv.Itoa(most) + "}$"}}
}

func from(least, most int64) object { return object{{"minimum", least}, {"maximum", most}} }

func upTo(items int) object { return object{{"maxItems", items}} }

func oneUpTo(items int) object { return object{{"minItems", 1}, {"maxItems", items}} }

const minorMax, capacityMax, limitMax = int64(engine.MinorMax), int64(engine.CapacityMax), int64(engine.LimitMax)

var (
	aCode   = object{{"maxLength", engine.CodeLenMax}}
	anID    = object{{"pattern", "^[A-Za-z0-9_-]{1," + strconv.Itoa(engine.IDLenMax) + "}$"}}
	text    = object{{"maxLength", engine.EventTextLenMax}, {"pattern", noControls}}
	seat    = object{{"pattern", "^[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_]{1,16}$"}}
	seats   = object{{"maxLength", engine.RowTextLenMax}}
	refused = object{{"not", object{}}}
)

// noControls leaves out the characters that turn the direction of writing, which regular expressions of different languages write differently.
const noControls = `^[^\x00-\x1f\x7f-\x9f]*$`

// fieldRules are the rules by Message.field, or by field for all messages of requests.
var fieldRules = map[string]rule{
	"request_id":      {value: anID},
	"buyer":           {value: anID},
	"channel":         {value: anID},
	"hold":            {value: anID},
	"order":           {value: anID},
	"lot":             {value: anID},
	"pool":            {value: anID},
	"after":           {value: anID},
	"section":         {value: anID},
	"row":             {value: anID},
	"requires":        {value: anID, list: upTo(engine.RequiresPerLotMax)},
	"name":            {value: text},
	"genre":           {value: text},
	"performer":       {value: text},
	"venue":           {value: text},
	"city":            {value: text},
	"country":         {value: object{{"pattern", "^[A-Z]{2}$"}}},
	"time_zone":       {value: object{{"maxLength", engine.TimeZoneLenMax}, {"pattern", noControls}}},
	"currency":        {value: object{{"pattern", "^[A-Z]{3}$"}}},
	"correlation":     {value: object{{"maxLength", transport.CorrelationBytesMax}}},
	"face_minor":      {value: from(0, minorMax)},
	"tax_minor":       {value: from(0, minorMax)},
	"minor":           {value: from(0, minorMax)},
	"fees":            {list: upTo(engine.FeesPerLotMax)},
	"capacity":        {value: from(0, capacityMax)},
	"hold_ttl_ms":     {value: from(engine.HoldTTLMsMin, engine.HoldTTLMsMax)},
	"max_hold_ms":     {value: from(engine.HoldTTLMsMin, engine.MaxHoldMsMax)},
	"spread_ms":       {value: from(0, engine.HoldTTLMsMax/8)},
	"limit_per_buyer": {value: from(0, limitMax)},
	"limit_per_order": {value: from(0, limitMax)},

	"links":            {value: anID, list: upTo(transport.LinksPerCommandMax)},
	"method":           {value: anID},
	"device_id":        {value: anID},
	"offer":            {value: anID},
	"purchase":         {value: anID},
	"ticket":           {value: anID},
	"tickets":          {value: anID},
	"gate":             {value: anID},
	"reason":           {value: anID},
	"refund":           {value: anID},
	"undo_ms":          {value: from(0, 600_000)},
	"pay_ms":           {value: from(10_000, 3_600_000)},
	"grace_ms":         {value: from(1, 3_600_000)},
	"action_ms":        {value: from(10_000, 3_600_000)},
	"redirect_ms":      {value: from(10_000, 3_600_000)},
	"queue_ms":         {value: from(1000, 86_400_000)},
	"offer_ttl_ms":     {value: from(1000, 86_400_000)},
	"limit_per_linked": {value: from(0, limitMax)},
	"refund_window_ms": {value: from(0, 365*24*3600*1000)},
	"one_click_share":  {value: from(0, engine.OneClickEveryone)},

	"UpdateCommand.mode":          {value: refused},
	"HereCommand.buyers":          {value: anID, list: upTo(transport.HereBuyersMax)},
	"HereCommand.request_id":      {},
	"track":                       {value: anID},
	"JoinCommand.wants":           {value: from(0, engine.WantsMax)},
	"PlaceCommand.entries_from":   {value: from(1, math.MaxUint32)},
	"PlaceCommand.request_id":     {},
	"WaitCommand.wishes":          {list: oneUpTo(engine.WishesMax)},
	"WaitCommand.max_price_minor": {value: object{{"minimum", 0}}},
	"Wish.quantity":               {value: from(1, engine.WishQuantityMax)},
	"DrawCommand.value":           {value: object{{"pattern", "^[ -~]{1," + strconv.Itoa(engine.DrawValueLenMax) + "}$"}}},
	"HoldCommand.code":            {value: aCode},
	"OfferCommand.code":           {value: aCode},
	"BuyCommand.code":             {value: aCode},
	"JoinCommand.code":            {value: aCode},
	"WaitCommand.code":            {value: aCode},
	"CodesCommand.codes":          {list: oneUpTo(engine.CodesPerCommandMax)},
	"CodeSpec.name":               {value: anID},
	"CodeSpec.code":               {value: object{{"minLength", engine.CodeLenMin}, {"maxLength", engine.CodeLenMax}}},
	"CodeSpec.hash":               {value: object{{"pattern", "^[0-9a-fA-F]{64}$"}}},
	"CodeSpec.uses":               {value: from(1, limitMax)},
	"CodeSpec.lots":               {list: upTo(engine.LotsPerCodeMax)},
	"CodeSpec.discount_bp":        {value: from(0, 10_000)},
	"CodeSpec.discount_minor":     {value: from(0, engine.MinorMax)},
	"LineSpec.pass_ttl_ms":        {value: from(10_000, 86_400_000)},
	"LineSpec.grace_ms":           {value: from(1000, 86_400_000)},
	"LineSpec.shoppers_max":       {value: from(0, limitMax)},
	"LineSpec.offer_ttl_ms":       {value: from(1000, engine.HoldTTLMsMax)},
	"LineSpec.aside_ms":           {value: from(1000, 86_400_000)},
	"LineSpec.tracks":             {list: upTo(engine.TracksMax)},
	"TrackSpec.share_bp":          {value: from(0, 10_000)},

	"TouchCommand.touches":   {list: oneUpTo(engine.TouchesPerCommandMax)},
	"Touch.id":               {value: anID},
	"Touch.session":          {value: anID},
	"Touch.source":           {value: anID},
	"Touch.campaign":         {value: anID},
	"Touch.step":             {value: anID},
	"Touch.click_id":         {value: anID},
	"Touch.topic":            {value: anID},
	"Touch.ref":              {value: anID},
	"Touch.ago_ms":           {value: from(0, engine.TouchAgoMsMax)},
	"Touch.cart_minor":       {value: from(0, minorMax)},
	"Touch.load_ms":          {value: from(0, engine.TouchDurationMsMax)},
	"Touch.prompt_ms":        {value: from(0, engine.TouchDurationMsMax)},
	"Touch.click_to_seen_ms": {value: from(0, engine.TouchDurationMsMax)},
	"Touch.survey":           {value: object{{"enum", []string{"csat", "nps", "regret"}}}},
	"Touch.score":            {value: from(0, 10)},
	"Touch.text":             {value: object{{"maxLength", engine.TouchTextLenMax}, {"pattern", `^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$`}}},
	"Touch.quantity":         {value: from(1, engine.QuantityMax)},
	"Touch.fees_minor":       {value: from(0, minorMax)},
	"Touch.amount_minor":     {value: from(1, minorMax)},
	"Touch.failure":          {value: object{{"enum", []string{"ours", "payment", "stock", "buyer", "input"}}}},

	"OfferCommand.items":            {list: oneUpTo(engine.ItemsPerHoldMax)},
	"BuyCommand.items":              {list: oneUpTo(engine.ItemsPerHoldMax)},
	"BuyCommand.max_price_minor":    {value: object{{"minimum", 0}}},
	"BuyCommand.wait_ms":            {value: from(0, transport.WaitMsMax)},
	"BuyCommand.return_url":         {value: object{{"pattern", "^(https://[!-~]*)?$"}}},
	"RefundCommand.amount_minor":    {value: object{{"minimum", 1}}},
	"AdmitCommand.generation":       {value: from(0, math.MaxUint32)},
	"OneClickCommand.share":         {value: from(0, engine.OneClickEveryone)},
	"UpdateCommand.one_click_off":   {value: refused},
	"UpdateCommand.one_click_share": {value: refused},
	"PurchaseCommand.request_id":    {},

	"gateway":                        {value: anID},
	"version":                        {value: anID},
	"SaveMethodCommand.token":        {value: object{{"pattern", "^[!-~]{1," + strconv.Itoa(wallet.SecretLenMax) + "}$"}}},
	"SaveMethodCommand.customer":     {value: visible(wallet.SecretLenMax)},
	"SaveMethodCommand.brand":        {value: object{{"pattern", "^[A-Za-z0-9_-]{0," + strconv.Itoa(wallet.BrandLenMax) + "}$"}}},
	"SaveMethodCommand.last_four":    {value: object{{"pattern", "^([0-9]{4})?$"}}},
	"SaveMethodCommand.expiry_month": {value: from(0, 12)},
	"SaveMethodCommand.expiry_year":  {value: from(0, wallet.ExpiryYearMax)},
	"SaveMethodCommand.fingerprint":  {value: visible(wallet.HintLenMax)},
	"SaveMethodCommand.device_id":    {value: visible(wallet.HintLenMax)},
	"RemoveMethodCommand.method":     {value: object{{"pattern", "^m[1-9][0-9]*$"}}},
	"DefaultMethodCommand.method":    {value: object{{"pattern", "^m[1-9][0-9]*$"}}},
	"AgreeCommand.cap_minor":         {value: from(0, wallet.CapMinorMax)},

	"KpisCommand.kpis": {list: upTo(200)},

	// Reads only echo it, and only if it is an id.
	"GetCommand.request_id":   {},
	"OrderCommand.request_id": {},
	"ListCommand.request_id":  {},
	"KpisCommand.request_id":  {},
	"Batch.request_id":        {},

	"HoldCommand.items":                   {list: oneUpTo(engine.ItemsPerHoldMax)},
	"HoldCommand.at_least":                {value: object{{"minimum", 1}}},
	"HoldCommand.max_price_minor":         {value: object{{"minimum", 0}}},
	"Item.quantity":                       {value: from(1, engine.QuantityMax)},
	"Item.seats":                          {value: seat, list: oneUpTo(engine.SeatsPerHoldMax)},
	"ConfirmCommand.payment_ref":          {value: object{{"maxLength", engine.PaymentRefLenMax}, {"pattern", "^[ -~]*$"}}},
	"BlockCommand.quantity":               {value: from(1, capacityMax)},
	"UnblockCommand.quantity":             {value: from(1, capacityMax)},
	"BlockCommand.seats":                  {value: seat, list: oneUpTo(engine.SeatsPerBlockMax)},
	"UnblockCommand.seats":                {value: seat, list: oneUpTo(engine.SeatsPerBlockMax)},
	"UpdateCommand.currency":              {value: refused},
	"UpdateCommand.open":                  {value: refused},
	"LotSpec.units":                       {value: from(1, engine.UnitsPerSaleMax)},
	"LotSpec.min_order":                   {value: from(0, engine.QuantityMax)},
	"LotSpec.max_order":                   {value: from(0, limitMax)},
	"LotSpec.pools":                       {value: anID, list: upTo(engine.PoolsPerLotMax)},
	"LotSpec.rows":                        {list: upTo(engine.RowsPerLotMax)},
	"RowSpec.seats":                       {value: from(1, engine.SeatsPerRowMax)},
	"RowSpec.through":                     {value: anID},
	"RowSpec.rank":                        {value: from(0, engine.RowRankMax)},
	"RowSpec.first":                       {value: from(0, 999_999)},
	"RowSpec.step":                        {value: from(-10, 10)},
	"RowSpec.labels":                      {value: seats},
	"RowSpec.best":                        {value: object{{"pattern", "^[A-Za-z0-9_]{0,16}$"}}},
	"RowSpec.aisles":                      {value: seats},
	"RowSpec.missing":                     {value: seats},
	"RowSpec.accessible":                  {value: seats},
	"RowSpec.companion":                   {value: seats},
	"RowSpec.restricted":                  {value: seats},
	"Item.accessible":                     {value: from(0, engine.AccessiblePartyMax)},
	"Item.companion":                      {value: from(0, engine.AccessiblePartyMax)},
	"Batch.commands":                      {list: oneUpTo(transport.BatchCommandsMax)},
	"operator":                            {value: anID},
	"event":                               {value: anID},
	"WhyCommand.request":                  {value: anID},
	"InspectCommand.facts":                {value: from(0, transport.InspectFactsMax)},
	"InspectCommand.fact":                 {value: object{{"minimum", 0}}},
	"InspectCommand.batch":                {value: object{{"minimum", 0}}},
	"BackupCommand.name":                  {value: anID},
	"LaneCommand.gateway":                 {value: anID},
	"LaneCommand.rate_milli":              {value: object{{"minimum", 0}}},
	"OneClickEverywhereCommand.one_click": {value: object{{"enum", []string{"on", "off"}}}},
	"OneClickEverywhereCommand.share":     {value: from(0, engine.AllBuyers)},
	"ResolveCommand.purchase":             {value: anID},
	"ResolveCommand.answer":               {value: object{{"enum", []string{"authorised", "captured", "voided"}}}},
	"WebhooksCommand.action":              {value: object{{"enum", []string{"add", "remove", "list", "replay", "dead"}}}},
	"WebhooksCommand.endpoint":            {value: anID},
	"WebhooksCommand.limit":               {value: from(1, transport.ListLimitMax)},
	"EvidenceCommand.order":               {value: anID},
	"AuditCommand.after":                  {value: object{{"minimum", 0}}},
	"AuditCommand.limit":                  {value: from(1, transport.ListLimitMax)},
	"ListCommand.limit":                   {value: from(1, transport.ListLimitMax)},
}

// fieldRule is the rule of Message.field. Replies have none.
func fieldRule(name string, request bool) rule {
	if !request {
		return rule{}
	}
	if r, ok := fieldRules[name]; ok {
		return r
	}
	_, field, _ := strings.Cut(name, ".")
	return fieldRules[field]
}

// requiredFields are those that a request must have.
var requiredFields = map[string]bool{
	"SaveMethodCommand.request_id": true, "SaveMethodCommand.gateway": true, "SaveMethodCommand.kind": true, "SaveMethodCommand.token": true,
	"RemoveMethodCommand.request_id": true, "RemoveMethodCommand.method": true,
	"DefaultMethodCommand.request_id": true, "DefaultMethodCommand.method": true,
	"AgreeCommand.request_id": true, "AgreeCommand.scope": true,
	"CreateCommand.request_id": true, "CreateCommand.currency": true,
	"UpdateCommand.request_id": true, "OpenCommand.request_id": true, "PauseCommand.request_id": true, "CloseCommand.request_id": true,
	"HoldCommand.request_id": true, "HoldCommand.buyer": true, "HoldCommand.items": true, "Item.lot": true,
	"ExtendCommand.request_id": true, "ExtendCommand.buyer": true, "ExtendCommand.hold": true,
	"ReleaseCommand.request_id": true, "ReleaseCommand.buyer": true, "ReleaseCommand.hold": true,
	"ConfirmCommand.request_id": true, "ConfirmCommand.buyer": true, "ConfirmCommand.hold": true,
	"OrderCommand.order":      true,
	"OfferCommand.request_id": true, "OfferCommand.buyer": true, "OfferCommand.items": true,
	"BuyCommand.request_id": true, "BuyCommand.buyer": true, "PurchaseCommand.purchase": true,
	"CompleteCommand.request_id": true, "CompleteCommand.buyer": true, "CompleteCommand.purchase": true,
	"UndoCommand.request_id": true, "UndoCommand.buyer": true, "UndoCommand.purchase": true,
	"RefundCommand.request_id": true, "RefundCommand.order": true,
	"AdmitCommand.request_id": true, "AdmitCommand.ticket": true, "ReissueCommand.request_id": true, "ReissueCommand.ticket": true,
	"CancelCommand.request_id": true, "OneClickCommand.request_id": true,
	"JoinCommand.request_id": true, "JoinCommand.buyer": true, "LeaveCommand.request_id": true, "LeaveCommand.buyer": true,
	"AbsentCommand.request_id": true, "AbsentCommand.buyer": true, "PresentCommand.request_id": true, "PresentCommand.buyer": true,
	"WaitCommand.request_id": true, "WaitCommand.buyer": true, "WaitCommand.wishes": true, "Wish.lot": true, "Wish.quantity": true,
	"DrawCommand.request_id": true, "DrawCommand.value": true, "CodesCommand.request_id": true, "CodesCommand.codes": true, "CodeSpec.name": true, "TrackSpec.track": true,
	"TouchCommand.touches": true, "Touch.kind": true, "Touch.id": true,
	"BlockCommand.request_id":   true,
	"UnblockCommand.request_id": true, "CapacityCommand.request_id": true,
	"Batch.commands": true, "PoolSpec.pool": true, "LotSpec.lot": true,
	"WebhooksCommand.action": true, "EvidenceCommand.event": true, "EvidenceCommand.order": true,
	"WalletShowCommand.buyer": true, "WalletExportCommand.buyer": true, "WalletEraseCommand.buyer": true,
	"ResolveCommand.event": true, "ResolveCommand.purchase": true, "ResolveCommand.answer": true,
	"WhyCommand.event": true, "WhyCommand.request": true, "InspectCommand.event": true, "ArchiveCommand.event": true, "SleepCommand.event": true, "ReleaseQuarantineCommand.event": true,
	"RowSpec.section": true, "RowSpec.row": true, "RowSpec.seats": true,
}

// oneOf says that exactly one of two fields is given.
func oneOf(a, b string) object {
	return object{{"oneOf", []object{{{"required", []string{a}}}, {{"required", []string{b}}}}}}
}

// anyOf says that at least one of some fields is given.
func anyOf(fields ...string) object {
	var list []object
	for _, f := range fields {
		list = append(list, object{{"required", []string{f}}})
	}
	return object{{"anyOf", list}}
}

// messageRules are the rules between the fields of a message.
var messageRules = map[string]object{
	"Item":            oneOf("quantity", "seats"),
	"BlockCommand":    {{"allOf", []object{oneOf("lot", "pool"), oneOf("quantity", "seats")}}},
	"UnblockCommand":  {{"allOf", []object{oneOf("lot", "pool"), oneOf("quantity", "seats")}}},
	"CapacityCommand": oneOf("lot", "pool"),
	"BuyCommand":      anyOf("items", "offer", "hold"),
	"PlaceCommand":    anyOf("buyer", "entries_from", "fairness"),
	"HereCommand":     anyOf("buyer", "buyers"),
	"BatchCommand":    {{"minProperties", 1}, {"maxProperties", 1}},
}

// textsNeverEmpty are the texts and times of replies that are always there, though empty ones are left out.
var textsNeverEmpty = []string{
	"Hold.event", "Hold.currency", "Order.event", "Order.buyer", "Order.currency", "Order.at", "Event.id", "Event.currency",
	"Lot.lot", "Pool.pool", "TakenItem.lot", "Ticket.lot", "Error.message",
}

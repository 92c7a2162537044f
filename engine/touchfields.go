package engine

// touchFields says which fields of a touch are there. The bits are part of the log's format, and the order in which a fact has the fields.
type touchFields uint32

// One bit a field; those that most touches have come first.
const (
	touchBuyer touchFields = 1 << iota
	touchAgo
	touchChannel
	touchSource
	touchSession
	touchCart
	touchCampaign
	touchStep
	touchLoad
	touchPrompt
	touchClickToSeen
	touchClickID
	touchSurvey
	touchScore
	touchText
	touchTopic
	touchOrder
	touchRef
	touchQuantity
	touchFace
	touchFees
	touchTax
	touchAmount
	touchFailure
	touchFieldsEnd
)

// touchPersonal are the fields that lead to a person, and what a person wrote: without consent they are dropped.
const touchPersonal = touchBuyer | touchSession | touchClickID | touchOrder | touchRef | touchText

// touchCommon are the fields that any touch may have.
const touchCommon = touchBuyer | touchAgo | touchChannel | touchSource | touchSession | touchCart | touchCampaign

// touchFieldNames are the names on the wire, by bit.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var touchFieldNames = [...]string{
	"buyer", "ago_ms", "channel", "source", "session", "cart_minor", "campaign", "step", "load_ms", "prompt_ms", "click_to_seen_ms", "click_id", "survey", "score",
	"text", "topic", "order", "ref", "quantity", "face_minor", "fees_minor", "tax_minor", "amount_minor", "failure",
}

// field returns where the field of a bit's number is: a string, or a number.
func (t *Touch) field(n int) (text *string, number *int64) {
	switch touchFields(1) << n { //nolint:exhaustive // the others are sets of fields
	case touchBuyer:
		return &t.Buyer, nil
	case touchAgo:
		return nil, &t.AgoMs
	case touchChannel:
		return &t.Channel, nil
	case touchSource:
		return &t.Source, nil
	case touchSession:
		return &t.Session, nil
	case touchCart:
		return nil, &t.CartMinor
	case touchCampaign:
		return &t.Campaign, nil
	case touchStep:
		return &t.Step, nil
	case touchLoad:
		return nil, &t.LoadMs
	case touchPrompt:
		return nil, &t.PromptMs
	case touchClickToSeen:
		return nil, &t.ClickToSeenMs
	case touchClickID:
		return &t.ClickID, nil
	case touchSurvey:
		return &t.Survey, nil
	case touchScore:
		return nil, &t.Score
	case touchText:
		return &t.Text, nil
	case touchTopic:
		return &t.Topic, nil
	case touchOrder:
		return &t.Order, nil
	case touchRef:
		return &t.Ref, nil
	case touchQuantity:
		return nil, &t.Quantity
	case touchFace:
		return nil, &t.FaceMinor
	case touchFees:
		return nil, &t.FeesMinor
	case touchTax:
		return nil, &t.TaxMinor
	case touchAmount:
		return nil, &t.AmountMinor
	case touchFailure:
	}
	return &t.Failure, nil
}

// fields returns which fields are not empty.
func (t *Touch) fields() touchFields {
	set := touchFields(0)
	for _, f := range [...]struct {
		there bool
		bit   touchFields
	}{
		{t.Buyer != "", touchBuyer},
		{t.AgoMs != 0, touchAgo},
		{t.Channel != "", touchChannel},
		{t.Source != "", touchSource},
		{t.Session != "", touchSession},
		{t.CartMinor != 0, touchCart},
		{t.Campaign != "", touchCampaign},
		{t.Step != "", touchStep},
		{t.LoadMs != 0, touchLoad},
		{t.PromptMs != 0, touchPrompt},
		{t.ClickToSeenMs != 0, touchClickToSeen},
		{t.ClickID != "", touchClickID},
		{t.Survey != "", touchSurvey},
		{t.Score != 0, touchScore},
		{t.Text != "", touchText},
		{t.Topic != "", touchTopic},
		{t.Order != "", touchOrder},
		{t.Ref != "", touchRef},
		{t.Quantity != 0, touchQuantity},
		{t.FaceMinor != 0, touchFace},
		{t.FeesMinor != 0, touchFees},
		{t.TaxMinor != 0, touchTax},
		{t.AmountMinor != 0, touchAmount},
		{t.Failure != "", touchFailure},
	} {
		if f.there {
			set |= f.bit
		}
	}
	return set
}

// touchRule says which fields a kind has beside the common ones.
type touchRule struct{ needs, may touchFields }

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var touchRules = [TouchKinds]touchRule{
	TouchAdViewed:  {needs: touchCampaign},
	TouchStepped:   {needs: touchStep},
	TouchAbandoned: {may: touchStep},
	TouchPageReady: {may: touchLoad | touchPrompt},
	TouchClickSeen: {needs: touchClickID, may: touchClickToSeen},
	TouchSurveyed:  {needs: touchSurvey, may: touchScore | touchText | touchOrder | touchRef},
	TouchSupport:   {needs: touchTopic, may: touchOrder | touchRef},
	TouchDelivered: {may: touchOrder | touchRef},
	TouchOrdered:   {needs: touchRef | touchQuantity, may: touchFace | touchFees | touchTax},
	TouchFailed:    {needs: touchFailure, may: touchStep},
	TouchRefunded:  {needs: touchRef | touchAmount},
}

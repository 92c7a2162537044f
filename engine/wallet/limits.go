package wallet

// The bounds of what a shard keeps, and of what a command may ask for.
const (
	// MethodsPerBuyerMax bounds the saved methods of a buyer: one more is refused too_many.
	MethodsPerBuyerMax = 16
	// BuyersPerShardMax bounds the buyers of one account and partition: one more is refused too_many. A process with all partitions has room for 64 million.
	BuyersPerShardMax = 1 << 16
	// HistoryPerBuyerMax is how many purchases of a buyer are kept: of older ones only their number is left.
	HistoryPerBuyerMax = 64
	// DevicesPerBuyerMax is how many devices of a buyer are known: the one that was not seen for longest is forgotten, and is a new one then.
	DevicesPerBuyerMax = 16
	// RequestsPerBuyerMax is how many request ids of a buyer's accepted commands are remembered: a repeat of an older one runs again.
	RequestsPerBuyerMax = 16
	// CommandsPerRequestMax bounds the commands of one request.
	CommandsPerRequestMax = 256

	// SecretLenMax bounds a gateway's token and its id of a customer, in bytes.
	SecretLenMax = 255
	// HintLenMax bounds what identifies a card or a device to the caller, in bytes. It is hashed.
	HintLenMax = 255
	// BrandLenMax bounds a card's brand, in bytes.
	BrandLenMax = 32
	// ImportedPurchasesMax bounds how many purchases a buyer may bring along.
	ImportedPurchasesMax = 1_000_000
	// CapMinorMax bounds what an agreement allows at most for one purchase, in minor units.
	CapMinorMax = 1 << 50
	// ExpiryYearMax is the last year in which a method may expire.
	ExpiryYearMax = 2200
)

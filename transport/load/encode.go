package load

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// channel is where the buyers of a load say they come from, so that they can be told from people afterwards.
const channel = "load"

// idLetters make ids of a number. There are no digits among them: an id never looks like the number of a card.
const idLetters = "abcdefghijklmnopqrstuvwxyzABCDEF"

const (
	// idLen is the length of request and buyer ids: a letter that says what they are, and 64 bits.
	idLen = 1 + numberLen
	// numberLen is the length of a whole number in letters.
	numberLen = 13
	// correlationLen is the length of a message's number, 40 bits.
	correlationLen = 8
)

// Multiplying by an odd number takes every number to another one and none to the same: ids look drawn at random, as real ones are, and none comes twice.
const (
	requestFactor = 0x9e3779b97f4a7c15
	buyerFactor   = 0xbf58476d1ce4e5b9
)

// appendID appends the id of a number.
func appendID(dst []byte, letter byte, v uint64) []byte {
	return appendNumber(append(dst, letter), v, numberLen)
}

func appendNumber(dst []byte, v uint64, letters int) []byte {
	for range letters {
		dst = append(dst, idLetters[v&31])
		v >>= 5
	}
	return dst
}

// correlationOf reads the number that appendNumber wrote with correlationLen letters; ok is false if it is none.
func correlationOf(src []byte) (v uint64, ok bool) {
	if len(src) != correlationLen {
		return 0, false
	}
	for i := correlationLen - 1; i >= 0; i-- {
		switch c := src[i]; {
		case c >= 'a' && c <= 'z':
			v = v<<5 | uint64(c-'a')
		case c >= 'A' && c <= 'F':
			v = v<<5 | uint64(c-'A'+26)
		default:
			return 0, false
		}
	}
	return v, true
}

// The commands, field by field; a test reads them with the generated code.

func appendBytes(dst []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), v)
}

func appendText(dst []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), v)
}

func appendHold(dst, request, buyer []byte, item []byte) []byte {
	dst = appendBytes(dst, 1, request)
	dst = appendBytes(dst, 2, buyer)
	dst = appendText(dst, 3, channel)
	return appendBytes(dst, 5, item)
}

func appendJoin(dst, request, buyer []byte) []byte {
	dst = appendBytes(dst, 1, request)
	dst = appendBytes(dst, 2, buyer)
	return appendText(dst, 3, channel)
}

func appendPlace(dst, request, buyer []byte) []byte {
	return appendBytes(appendBytes(dst, 1, request), 2, buyer)
}

// oneTicket is the item of every hold.
func oneTicket(lot string) []byte {
	item := appendText(nil, 1, lot)
	return protowire.AppendVarint(protowire.AppendTag(item, 2, protowire.VarintType), 1)
}

// appendUse confirms or releases a hold.
func appendUse(dst, request []byte, h *keptHold, pay bool) []byte {
	dst = appendBytes(dst, 1, request)
	dst = appendBytes(dst, 2, h.whose())
	dst = appendText(dst, 3, channel)
	dst = appendBytes(dst, 5, h.hold())
	if pay {
		dst = appendBytes(dst, 6, request) // the payment was made nowhere: any reference is as good
	}
	return dst
}

// batchFields are the fields of a BatchCommand.
var batchFields = [kinds]protowire.Number{kindHold: 7, kindConfirm: 10, kindRelease: 9, kindGet: 6, kindJoin: 39, kindPlace: 41}

// appendToBatch appends a command to the commands of a batch.
func appendToBatch(dst []byte, k kind, command []byte) []byte {
	inner := protowire.SizeTag(batchFields[k]) + protowire.SizeBytes(len(command))
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 2, protowire.BytesType), uint64(inner))
	return appendBytes(dst, batchFields[k], command)
}

func verbOf(k kind) string { return engine.Verb.String(kindVerbs[k]) }

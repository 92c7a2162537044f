// Package holdfastpb is the wire contract of Holdfast, holdfast.v1, as generated protobuf types.
//
// holdfast.proto is the source; `make generate` writes holdfast.pb.go. Callers use these types with transport/client; the server decodes
// and encodes the same bytes by tables of its own (transport, codec), which tests compare with these types.
package holdfastpb

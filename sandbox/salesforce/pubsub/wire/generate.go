// Package wire is the wire form of Salesforce's Pub/Sub API, generated from
// pubsub.proto, and the description of its service. It is committed, so that no
// build needs protoc.
package wire

//go:generate protoc --go_out=. --go_opt=paths=source_relative pubsub.proto

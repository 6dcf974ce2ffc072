// Package eventbus is the wire form of Salesforce's Pub/Sub API, generated from
// eventbus.proto. It is committed, so that no build needs protoc.
package eventbus

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative eventbus.proto

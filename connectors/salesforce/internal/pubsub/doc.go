// Package pubsub listens to the change events of a Salesforce org over the
// Pub/Sub API: gRPC streams of Avro records that the client asks for in portions.
// Of an event only the header is decoded, which tells the records and what
// happened to them; what they hold is read over REST.
//
// Vendor's pages, read 2026-11-22:
//   - https://developer.salesforce.com/docs/platform/pub-sub-api/guide (flow
//     control, keep-alives within 270 seconds, retention of 72 hours, error codes)
//   - https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta
//     (topics, header, gap and overflow events)
package pubsub

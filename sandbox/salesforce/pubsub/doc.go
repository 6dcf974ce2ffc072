// Package pubsub emulates Salesforce's Pub/Sub API: change events of an org over
// gRPC. A client of the vendor's cannot tell it from the real one in what it
// covers: GetTopic, GetSchema and Subscribe.
//
// Facts, from the vendor's guides read 2026-11-22 (Pub/Sub API; Change Data
// Capture):
//   - Every call shows accesstoken, instanceurl and tenantid.
//   - Topics: /data/ChangeEvents, /data/XChangeEvent, /data/My__ChangeEvent,
//     /data/Channel__chn. Five objects can be selected.
//   - A client asks for up to 100 events at a time; without events an empty answer
//     comes within 270 seconds, with the newest replay id.
//   - Replay ids are opaque, ascend with holes and live for 72 hours.
//   - Payloads are bare Avro. All fields are there; those that did not change are
//     null. changedFields and nulledFields are bitmaps over the schema's fields.
//   - One event for each record and transaction; the same change of several
//     records may be one event.
//   - Errors carry a code in the trailer error-code.
//
// Of its own accord the emulated service takes GetTopic of an object that is not
// selected for one that does not exist, refuses requests beyond 100 events, and
// sends the headers of its answer as soon as a subscription stands.
package pubsub

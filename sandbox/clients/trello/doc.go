// Package trello runs trello.js, the client library most used with Trello,
// unchanged against the Trello sandbox. It checks each answer against its
// schemas. The tests need Node.js and `npm ci` in this folder, and are skipped
// without them.
package trello

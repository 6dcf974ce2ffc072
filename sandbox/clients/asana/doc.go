// Package asana runs asana, the vendor's own client library for Node.js,
// unchanged against the Asana sandbox. The tests need Node.js and `npm ci` in
// this folder, and are skipped without them.
package asana

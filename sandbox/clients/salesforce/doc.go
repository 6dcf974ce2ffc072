// Package salesforce runs jsforce, the client library most used with Salesforce,
// unchanged against the Salesforce sandbox. The tests need Node.js and `npm ci`
// in this folder, and are skipped without them.
package salesforce

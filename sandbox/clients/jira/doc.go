// Package jira runs jira.js, the client library most used with Jira, unchanged
// against the Jira sandbox. The tests need Node.js and `npm ci` in this folder,
// and are skipped without them.
package jira

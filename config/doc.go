// Package config reads tenon.yaml: the connections with their credentials, the
// server, the state, the engine's limits and where the mappings are.
//
// One catalogue of settings (Catalog) feeds the check of the file, the
// defaults, the overrides from the environment (TENON_SERVER_LISTEN for
// server.listen) and the reference page, docs/configuration.md. The settings of
// a connection come from its connector.
//
// Any value may be taken from elsewhere, so that no secret stands in the file:
// "${NAME}" from the environment or the file .env, and {file: PATH} or
// {command: [PROGRAM, …]} for secrets and any key of a connection. Every
// problem names file, line and column, and all are told in one run.
package config

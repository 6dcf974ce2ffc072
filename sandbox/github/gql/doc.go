// Package gql is a small executor of GraphQL: it parses documents, checks them
// against a schema and resolves them, with variables, aliases, arguments, named
// and inline fragments, and the directives skip and include. It has what the
// emulated GitHub needs of the October 2021 edition of the specification: no
// subscriptions, no introspection beyond __typename, no custom directives.
package gql

// Package connectors is the contract between Tenon and the systems that it
// keeps in step: what a record is, what a value is, what every system can be
// asked to do, and which abilities only some have.
//
// A Connector is the code for one kind of system; Open turns what an admin
// configured into a Connection, one account of that system. The engine works
// with connections only. It asks a connection for an ability (a small
// interface, see Abilities) and for facts (the Facts struct), never for its
// name.
//
// This package imports no implementation; the list of them is in
// connectors/all.
package connectors

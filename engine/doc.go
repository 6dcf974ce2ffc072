// Package engine keeps records in step. It takes hints (a webhook, a polled
// row, a button, a sweep), reads the records that they name, compares each side
// with what it held when both last agreed, merges field by field, writes the
// differences and remembers the new agreement.
//
// Every unit of work is a synchronous step: Receive takes in a delivery, Poll
// reads one page of changes, Drain works one batch of a mapping's queue, Sweep
// compares one page of a listing. The steps reach the world through the store,
// the connections, the clock and the random source of Config only, so that a
// simulator can call them in any order and fail any effect. Run holds the only
// goroutines and timers.
package engine

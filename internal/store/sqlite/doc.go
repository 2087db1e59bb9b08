// Package sqlite keeps Snug's rooms, memberships and logs in one SQLite file:
// the chat.Store of a single node.
//
// One goroutine writes: Store.Run takes what is queued, up to maxBatch drafts,
// applies it in one transaction and answers it when the commit is on disk (WAL,
// synchronous=FULL). Nothing is waited for to make a batch larger: what arrives
// while a commit is under way is the next batch. Readers have connections of
// their own and see committed states alone.
package sqlite

package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// applicationID marks the file as a Snug store ("Snug" in ASCII).
const applicationID = 0x536e7567

// backupID marks a file that snug backup made ("SnuB"): a store only once it was restored.
const backupID = 0x536e7542

var errBackup = errors.New("this is a backup, not a store: snug restore makes a store of it")

// migrations lead from schema n to n+1, the first from an empty file.
// DO NOT EDIT what has been released: add a step at the end. A step runs in one
// transaction.
//
// What few entries have (the time of an edit or a delete, rev, reactions as
// they count, a target, an emoji, what changed in a room) is in log.extra; a
// deleted message is a kind of its own.
var migrations = []string{
	`
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys the hash in ids.k, so that nobody can choose ids that meet there.
INSERT INTO meta VALUES ('ids.key', randomblob(32));

CREATE TABLE rooms (
	id        INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 2147483648), -- never used again
	code      TEXT    NOT NULL COLLATE NOCASE UNIQUE,
	title     TEXT    NOT NULL,
	epoch     TEXT    NOT NULL,
	created   INTEGER NOT NULL, -- as all times: milliseconds since 1970
	keep      INTEGER NOT NULL, -- days; 0 empty, -1 forever
	locked    INTEGER NOT NULL,
	slow      INTEGER NOT NULL, -- milliseconds
	pass      BLOB,
	pass_rev  INTEGER NOT NULL,
	creator   BLOB    NOT NULL,
	key       BLOB    NOT NULL,
	request   TEXT    NOT NULL, -- the creator's own name for making it, '' for none
	requested INTEGER NOT NULL,
	pruned    INTEGER NOT NULL DEFAULT 0, -- entries up to this seq are gone
	pruned_at INTEGER NOT NULL DEFAULT 0  -- the time of that entry
) STRICT;
CREATE INDEX rooms_request ON rooms (creator, request) WHERE request <> '';

-- Rooms whose logs and memberships are still being deleted.
CREATE TABLE doomed (room INTEGER PRIMARY KEY) STRICT;

CREATE TABLE members (
	room     INTEGER NOT NULL,
	identity BLOB    NOT NULL,
	member   TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	color    INTEGER NOT NULL,
	skeleton TEXT    NOT NULL, -- '' after the name went to another
	role     INTEGER NOT NULL, -- 1 member, 2 moderator, 3 owner
	joined   INTEGER NOT NULL,
	pass_rev INTEGER NOT NULL,
	read     INTEGER NOT NULL,
	seen     INTEGER NOT NULL,
	PRIMARY KEY (room, identity)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX members_skeleton ON members (room, skeleton) WHERE skeleton <> '';

CREATE TABLE log (
	id       INTEGER PRIMARY KEY, -- room << 32 | seq
	at       INTEGER NOT NULL,
	kind     INTEGER NOT NULL, -- see kinds
	identity BLOB    NOT NULL,
	member   TEXT    NOT NULL, -- member, name, color: as they were at the commit
	name     TEXT    NOT NULL,
	color    INTEGER NOT NULL,
	cid      ANY,              -- the client's id: a UUID as 16 bytes, any other as text
	text     TEXT    NOT NULL,
	reply    INTEGER NOT NULL,
	extra    TEXT    NOT NULL  -- JSON, '' for none
) STRICT;

-- Where entries are first: see writeInbox.
CREATE TABLE inbox (
	n       INTEGER PRIMARY KEY,
	entries BLOB NOT NULL
) STRICT;

-- Finds entries by who made them under which id: k is idKey.
CREATE TABLE ids (
	k  INTEGER NOT NULL,
	id INTEGER NOT NULL,
	PRIMARY KEY (k, id)
) STRICT, WITHOUT ROWID;
`,
	`
-- Who reacted how. How many did is in log.extra of the message.
CREATE TABLE reactions (
	identity BLOB    NOT NULL,
	message  INTEGER NOT NULL, -- log.id
	emoji    TEXT    NOT NULL,
	PRIMARY KEY (identity, message, emoji)
) STRICT, WITHOUT ROWID;
CREATE INDEX reactions_message ON reactions (message);

-- Codes of destroyed rooms that are not given out again yet.
CREATE TABLE held (
	code  TEXT PRIMARY KEY COLLATE NOCASE,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
	`
ALTER TABLE members ADD COLUMN alike  TEXT    NOT NULL DEFAULT ''; -- what else the name looks like
ALTER TABLE members ADD COLUMN kicked INTEGER NOT NULL DEFAULT 0;  -- until when, 0 for not at all; so the next two
ALTER TABLE members ADD COLUMN banned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN muted  INTEGER NOT NULL DEFAULT 0;
CREATE INDEX members_alike ON members (room, alike) WHERE alike <> '';
CREATE INDEX members_member ON members (room, member);
CREATE INDEX members_banned ON members (room, member) WHERE banned > 0;
CREATE INDEX members_muted ON members (room, member) WHERE muted > 0;

-- Addresses, hashed under the room's key, from which no strangers are let in: for whose sake, and until when.
CREATE TABLE barred (
	room     INTEGER NOT NULL,
	trace    BLOB    NOT NULL,
	identity BLOB    NOT NULL,
	until    INTEGER NOT NULL,
	PRIMARY KEY (room, trace, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX barred_identity ON barred (room, identity);

-- Tokens on their way to another device, sealed under codes that are not here.
CREATE TABLE moves (
	holder BLOB    PRIMARY KEY,
	key    BLOB    NOT NULL UNIQUE,
	sealed BLOB    NOT NULL,
	until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
}

// migrate brings the file that c has open to the schema that steps lead to.
func migrate(c *conn, path string, steps []string, log *slog.Logger) error {
	var version, app, tables int
	if _, err := c.one([]any{&version, &app, &tables},
		"SELECT v.user_version, a.application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version v, pragma_application_id a"); err != nil {
		return err
	}
	switch {
	case app == backupID:
		return errBackup
	case app != applicationID && (app != 0 || version != 0 || tables != 0):
		return errors.New("this is not a Snug store")
	case version > len(steps):
		return fmt.Errorf("the store has schema %d, made by a newer Snug; this one knows up to %d", version, len(steps))
	case version == len(steps):
		return nil
	}
	if version > 0 {
		kept, err := keepCopy(c, path, version)
		if err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
		log.Info("store is migrated", "from", version, "to", len(steps), "copy", kept)
	}
	for v := version; v < len(steps); v++ {
		if err := step(c, steps[v], v+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", v+1, err)
		}
	}
	return nil
}

// step runs one migration, all of it or nothing.
func step(c *conn, script string, version int) error {
	// A script of several statements: not to be kept prepared.
	script = fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", script, applicationID, version)
	if err := c.script(script); err != nil {
		return errors.Join(err, c.script("ROLLBACK"))
	}
	return nil
}

// keepCopy writes what the store holds to a file beside it, durably, and returns its name.
func keepCopy(c *conn, path string, version int) (string, error) {
	kept := fmt.Sprintf("%s.schema-%d", path, version)
	half := kept + ".half"
	if err := os.Remove(half); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if _, err := c.exec("VACUUM INTO ?", half); err != nil {
		return "", err
	}
	f, err := os.OpenFile(half, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close(), os.Rename(half, kept)); err != nil {
		return "", err
	}
	return kept, syncDir(filepath.Dir(path))
}

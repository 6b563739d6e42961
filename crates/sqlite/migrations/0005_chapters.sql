-- A name is written where its id lies among all ids, which is anywhere. In a tree that does not fit
-- into memory each costs a page of its own, read and written. Names lie in chapters now: a new one
-- goes into the newest chapter, and a closed one does not change any more. Its filter says which ids
-- it may have, so that most others are not looked for there. See ADR 0027.
-- since: how many rows had names when the chapter was opened, more or less.
CREATE TABLE chapters (
    no INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    filter BLOB
) STRICT;
INSERT INTO chapters (no, since) VALUES (0, 0);

ALTER TABLE ids RENAME TO old_ids;
CREATE TABLE ids (
    chapter INTEGER NOT NULL,
    id BLOB NOT NULL,
    what INTEGER NOT NULL,
    no INTEGER NOT NULL,
    PRIMARY KEY (chapter, id, what)
) STRICT, WITHOUT ROWID;
INSERT INTO ids (chapter, id, what, no) SELECT 0, id, what, no FROM old_ids ORDER BY id, what;
DROP TABLE old_ids;

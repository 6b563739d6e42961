-- A commit is as dear as the pages that it changes, and a row that is placed by an id of 16 bytes
-- changes a page of its own. So the rows that come with every order lie in the order in which they
-- came, each under a number; one tree finds them by their ids, and there what has the same id lies
-- together: an order and the stream of its binding, a payment and its stream, a hold and its key.
--
-- what: 1 is an order, 2 a payment, 3 a hold; 16 and its scope a key; 32 and its kind a stream.
CREATE TABLE ids (
    id BLOB NOT NULL,
    what INTEGER NOT NULL,
    no INTEGER NOT NULL,
    PRIMARY KEY (id, what)
) STRICT, WITHOUT ROWID;

ALTER TABLE orders RENAME TO old_orders;
CREATE TABLE orders (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    till TEXT,
    epoch INTEGER NOT NULL,
    binding INTEGER NOT NULL,
    guest BLOB,
    identified INTEGER,
    token BLOB,
    money BLOB,
    total INTEGER,
    held_credit INTEGER NOT NULL,
    held_deposit INTEGER NOT NULL,
    held_bonus INTEGER NOT NULL,
    captured_credit INTEGER NOT NULL,
    captured_deposit INTEGER NOT NULL,
    captured_bonus INTEGER NOT NULL,
    closed_ms INTEGER,
    closed_off INTEGER,
    touched_ms INTEGER NOT NULL,
    touched_off INTEGER NOT NULL
) STRICT;
INSERT INTO orders (id, till, epoch, binding, guest, identified, token, money, total, held_credit,
    held_deposit, held_bonus, captured_credit, captured_deposit, captured_bonus, closed_ms,
    closed_off, touched_ms, touched_off)
SELECT id, till, epoch, binding, guest, identified, token, money, total, held_credit, held_deposit,
    held_bonus, captured_credit, captured_deposit, captured_bonus, closed_ms, closed_off,
    touched_ms, touched_off FROM old_orders ORDER BY id;
DROP TABLE old_orders;
INSERT INTO ids (id, what, no) SELECT id, 1, no FROM orders ORDER BY no;

-- Lines without their order stop here: where a number is missing, SQLite makes one up.
ALTER TABLE order_lines RENAME TO old_order_lines;
CREATE TABLE order_lines (
    order_no INTEGER PRIMARY KEY,
    lines BLOB NOT NULL
) STRICT;
INSERT INTO order_lines (order_no, lines)
SELECT no, iif(no IS NULL, NULL, lines)
FROM (SELECT (SELECT no FROM ids WHERE id = order_id AND what = 1) AS no, lines
    FROM old_order_lines);
DROP TABLE old_order_lines;

-- order_no: of a payment that was captured; its order has a row.
ALTER TABLE payments RENAME TO old_payments;
CREATE TABLE payments (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    order_id BLOB NOT NULL,
    till TEXT,
    attempt INTEGER NOT NULL,
    body BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL,
    state INTEGER NOT NULL,
    refusal BLOB,
    account BLOB,
    guest BLOB,
    kind INTEGER,
    own INTEGER,
    overdraft INTEGER,
    refunded INTEGER,
    hold BLOB,
    acknowledged INTEGER,
    settled INTEGER,
    entry INTEGER,
    since_ms INTEGER,
    order_no INTEGER,
    CHECK (entry IS NULL OR order_no IS NOT NULL)
) STRICT;
INSERT INTO payments (id, order_id, till, attempt, body, at_ms, at_off, state, refusal, account,
    guest, kind, own, overdraft, refunded, hold, acknowledged, settled, entry, since_ms, order_no)
SELECT id, order_id, till, attempt, body, at_ms, at_off, state, refusal, account, guest, kind, own,
    overdraft, refunded, hold, acknowledged, settled, entry, since_ms,
    (SELECT no FROM ids WHERE id = order_id AND what = 1 AND entry IS NOT NULL)
FROM old_payments ORDER BY id;
DROP TABLE old_payments;
INSERT INTO ids (id, what, no) SELECT id, 2, no FROM payments ORDER BY no;
CREATE INDEX payments_of_order ON payments (order_no, entry) WHERE order_no IS NOT NULL;
CREATE INDEX payments_of_till ON payments (till, since_ms)
    WHERE till IS NOT NULL AND since_ms IS NOT NULL;

ALTER TABLE holds RENAME TO old_holds;
CREATE TABLE holds (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    order_id BLOB NOT NULL,
    account BLOB NOT NULL,
    kind INTEGER NOT NULL,
    own INTEGER NOT NULL,
    overdraft INTEGER NOT NULL,
    state INTEGER NOT NULL,
    payment BLOB,
    expires_ms INTEGER,
    expires_off INTEGER,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL
) STRICT;
INSERT INTO holds (id, order_id, account, kind, own, overdraft, state, payment, expires_ms,
    expires_off, at_ms, at_off)
SELECT id, order_id, account, kind, own, overdraft, state, payment, expires_ms, expires_off, at_ms,
    at_off FROM old_holds ORDER BY id;
DROP TABLE old_holds;
INSERT INTO ids (id, what, no) SELECT id, 3, no FROM holds ORDER BY no;
CREATE INDEX holds_live_of_account ON holds (account, expires_ms) WHERE state = 0;
CREATE INDEX holds_live_of_order ON holds (order_id) WHERE state = 0;

ALTER TABLE keys RENAME TO old_keys;
CREATE TABLE keys (
    no INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    body BLOB NOT NULL,
    refusal BLOB,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL
) STRICT;
INSERT INTO keys (scope, id, body, refusal, at_ms, at_off)
SELECT scope, id, body, refusal, at_ms, at_off FROM old_keys ORDER BY scope, id;
DROP TABLE old_keys;
INSERT INTO ids (id, what, no) SELECT id, 16 + scope, no FROM keys ORDER BY no;

ALTER TABLE streams RENAME TO old_streams;
CREATE TABLE streams (
    no INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    status INTEGER NOT NULL,
    wake_ms INTEGER,
    wake_off INTEGER,
    shelf TEXT,
    total INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL,
    chain BLOB,
    fence INTEGER NOT NULL,
    owner BLOB,
    until_ms INTEGER,
    until_off INTEGER
) STRICT;
INSERT INTO streams (kind, id, seq, status, wake_ms, wake_off, shelf, total, at_ms, at_off, chain,
    fence, owner, until_ms, until_off)
SELECT kind, id, seq, status, wake_ms, wake_off, shelf, total, at_ms, at_off, chain, fence, owner,
    until_ms, until_off FROM old_streams ORDER BY kind, id;
DROP TABLE old_streams;
INSERT INTO ids (id, what, no) SELECT id, 32 + kind, no FROM streams ORDER BY no;
CREATE INDEX streams_due ON streams (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX streams_open ON streams (status, kind, at_ms) WHERE status < 2;
CREATE INDEX streams_on_shelf ON streams (shelf, kind, id) WHERE shelf IS NOT NULL;

-- A record without its stream stops here.
ALTER TABLE records RENAME TO old_records;
CREATE TABLE records (
    stream_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (stream_no, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO records (stream_no, seq, kind, version, at_ms, at_off, body)
SELECT (SELECT no FROM ids WHERE id = stream AND what = 32 + stream_kind), seq, kind, version,
    at_ms, at_off, body FROM old_records ORDER BY stream_kind, stream, seq;
DROP TABLE old_records;

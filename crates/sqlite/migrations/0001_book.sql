-- The rows of tillway_core::book. Ids are their 16 bytes; money is kopecks; a moment is two
-- numbers: milliseconds UTC and minutes east. The numbers of enums are those of book::code.
-- Tables that are found by an id of 16 bytes keep their rows in the key's own tree.

CREATE TABLE keys (
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    body BLOB NOT NULL,
    refusal BLOB,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

-- entry: the number of the movement that captured it; gives the order of captures.
-- since_ms: when it was captured or tombstoned, whatever became of it later.
CREATE TABLE payments (
    id BLOB NOT NULL PRIMARY KEY,
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
    since_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_of_order ON payments (order_id, entry) WHERE entry IS NOT NULL;
CREATE INDEX payments_of_till ON payments (till, since_ms)
    WHERE till IS NOT NULL AND since_ms IS NOT NULL;

CREATE TABLE holds (
    id BLOB NOT NULL PRIMARY KEY,
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
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_live_of_account ON holds (account, expires_ms) WHERE state = 0;
CREATE INDEX holds_live_of_order ON holds (order_id) WHERE state = 0;

CREATE TABLE refunds (
    id BLOB NOT NULL PRIMARY KEY,
    payment BLOB NOT NULL,
    own INTEGER NOT NULL,
    overdraft INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refunds_by_time ON refunds (at_ms);

CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    guest BLOB NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    balance INTEGER NOT NULL,
    overdraft INTEGER NOT NULL,
    held INTEGER NOT NULL,
    held_own INTEGER NOT NULL,
    status INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_of_guest ON accounts (guest);

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY,
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
) STRICT, WITHOUT ROWID;

-- Apart from the order, whose row changes with every payment.
CREATE TABLE order_lines (
    order_id BLOB NOT NULL PRIMARY KEY,
    lines BLOB NOT NULL
) STRICT;

CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY,
    order_id BLOB NOT NULL,
    spent INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    expires_off INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pairings (
    till TEXT NOT NULL PRIMARY KEY,
    device TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE guests (
    id BLOB NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL UNIQUE,
    phone TEXT,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX guests_by_phone ON guests (phone) WHERE phone IS NOT NULL;

CREATE TABLE photos (
    guest BLOB NOT NULL PRIMARY KEY,
    photo BLOB NOT NULL
) STRICT;

CREATE TABLE carriers (
    alias TEXT NOT NULL PRIMARY KEY,
    guest BLOB NOT NULL,
    blocked INTEGER NOT NULL,
    from_ms INTEGER,
    from_off INTEGER,
    until_ms INTEGER,
    until_off INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX carriers_of_guest ON carriers (guest);

CREATE TABLE movements (
    entry INTEGER PRIMARY KEY,
    debit INTEGER NOT NULL,
    debit_id BLOB,
    credit INTEGER NOT NULL,
    credit_id BLOB,
    unit INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    why INTEGER NOT NULL,
    by_id BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL
) STRICT;

CREATE INDEX movements_from_account ON movements (debit_id) WHERE debit = 0;
CREATE INDEX movements_to_account ON movements (credit_id) WHERE credit = 0;

CREATE TABLE streams (
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
    fence INTEGER NOT NULL,
    owner BLOB,
    until_ms INTEGER,
    until_off INTEGER,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX streams_due ON streams (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX streams_open ON streams (status, kind, id) WHERE status < 2;
CREATE INDEX streams_on_shelf ON streams (shelf, kind, id) WHERE shelf IS NOT NULL;

CREATE TABLE records (
    stream_kind INTEGER NOT NULL,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    at_off INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (stream_kind, stream, seq)
) STRICT, WITHOUT ROWID;

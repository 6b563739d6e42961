-- The last link of the chain over an account's movements and over a stream's records. Empty
-- before the first.

ALTER TABLE accounts ADD COLUMN chain BLOB;
ALTER TABLE streams ADD COLUMN chain BLOB;

-- What is open, in the order it was touched: a flow that begins or goes on goes to the end of the
-- index, instead of a place that depends on its id.
DROP INDEX streams_open;
CREATE INDEX streams_open ON streams (status, kind, at_ms) WHERE status < 2;

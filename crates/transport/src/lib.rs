//! HTTP for adapters: a strict server loop, a client, in-memory connections, exact JSON money

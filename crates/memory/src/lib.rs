//! The tillway store in memory, for quick starts and tests

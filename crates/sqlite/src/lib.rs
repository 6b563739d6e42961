//! The embedded tillway store on SQLite, with group commit

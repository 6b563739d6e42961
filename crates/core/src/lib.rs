//! Rules of guest accounts: money, wallets, split, the book, flows and ports

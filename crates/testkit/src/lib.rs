//! Conformance suites, broken implementations and stories

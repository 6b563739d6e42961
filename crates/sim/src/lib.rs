//! Stateful simulators of the peers, with faults

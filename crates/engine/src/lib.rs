//! The desks: performs the flows of tillway-core over its ports, and recovers

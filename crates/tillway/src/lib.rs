//! tillway: guest accounts connected to the systems of a restaurant

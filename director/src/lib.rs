//! Which server gets a connection, and what happens to each of its packets

//! Checked views of packets and their rewriting

//! Batched, prefetching, single-writer connection index

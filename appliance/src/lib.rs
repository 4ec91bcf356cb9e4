//! Composition: configuration, threads, worker loop, kernel path, management socket

pub mod kernel;

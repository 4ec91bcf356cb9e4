//! A pair that decides by itself: what clients notice of it, and what operators see.

mod deaths;
mod losses;
mod mirror;
mod planned;
mod reachability;
mod routing;
mod strangers;
mod stuck;
mod substitution;

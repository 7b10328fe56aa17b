//! Tests of reading and writing job files.

mod refusals;
mod round_trip;

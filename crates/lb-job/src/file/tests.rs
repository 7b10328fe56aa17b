//! Round trips, and what is refused.

mod refusals;
mod round_trip;

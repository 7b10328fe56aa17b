//! libFuzzer with the target `cached_result`.

#![no_main]

lb_fuzz::program!("cached_result");

//! libFuzzer with the target `picture`.

#![no_main]

lb_fuzz::program!("picture");

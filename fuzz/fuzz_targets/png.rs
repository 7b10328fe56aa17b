//! libFuzzer with the target `png`.

#![no_main]

lb_fuzz::program!("png");

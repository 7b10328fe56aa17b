//! libFuzzer with the target `rates`.

#![no_main]

lb_fuzz::program!("rates");

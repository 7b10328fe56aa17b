//! libFuzzer with the target `licence`.

#![no_main]

lb_fuzz::program!("licence");

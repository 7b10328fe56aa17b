//! libFuzzer with the target `pickle`.

#![no_main]

lb_fuzz::program!("pickle");

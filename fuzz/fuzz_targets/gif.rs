//! libFuzzer with the target `gif`.

#![no_main]

lb_fuzz::program!("gif");

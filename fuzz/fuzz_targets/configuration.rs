//! libFuzzer with the target `configuration`.

#![no_main]

lb_fuzz::program!("configuration");

//! libFuzzer with the target `checkpoint`.

#![no_main]

lb_fuzz::program!("checkpoint");

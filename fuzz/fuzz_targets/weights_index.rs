//! libFuzzer with the target `weights_index`.

#![no_main]

lb_fuzz::program!("weights_index");

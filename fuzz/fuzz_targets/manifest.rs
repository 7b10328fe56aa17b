//! libFuzzer with the target `manifest`.

#![no_main]

lb_fuzz::program!("manifest");

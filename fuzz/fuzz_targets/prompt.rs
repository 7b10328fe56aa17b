//! libFuzzer with the target `prompt`.

#![no_main]

lb_fuzz::program!("prompt");

//! libFuzzer with the target `webp`.

#![no_main]

lb_fuzz::program!("webp");

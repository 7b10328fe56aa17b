//! libFuzzer with the target `safetensors`.

#![no_main]

lb_fuzz::program!("safetensors");

//! libFuzzer with the target `mp4`.

#![no_main]

lb_fuzz::program!("mp4");

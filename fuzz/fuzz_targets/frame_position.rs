//! libFuzzer with the target `frame_position`.

#![no_main]

lb_fuzz::program!("frame_position");

//! libFuzzer with the target `job`.

#![no_main]

lb_fuzz::program!("job");

//! libFuzzer with the target `hub_listing`.

#![no_main]

lb_fuzz::program!("hub_listing");

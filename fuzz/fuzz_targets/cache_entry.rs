//! libFuzzer with the target `cache_entry`.

#![no_main]

lb_fuzz::program!("cache_entry");

//! libFuzzer with the target `weighted_prompt`.

#![no_main]

lb_fuzz::program!("weighted_prompt");

//! libFuzzer with the target `tokenizer`.

#![no_main]

lb_fuzz::program!("tokenizer");

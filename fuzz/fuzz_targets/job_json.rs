//! libFuzzer with the target `job_json`.

#![no_main]

lb_fuzz::program!("job_json");

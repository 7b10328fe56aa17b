//! `lb completions`: what a shell needs to complete the others.

use clap::CommandFactory;

use crate::args::Arguments;

pub(crate) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lb", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
}

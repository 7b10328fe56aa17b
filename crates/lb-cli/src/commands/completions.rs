//! `lb completions`: what a shell needs to complete the others.

use clap::CommandFactory;

use crate::args::Arguments;

pub(crate) fn run(shell: clap_complete::Shell) {
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "lb",
        &mut std::io::stdout(),
    );
}

//! Prints the description of the API, which is committed as `openapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(lb_studio::openapi().as_bytes())
}

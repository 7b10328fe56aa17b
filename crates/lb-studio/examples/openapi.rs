//! Prints the description of the API, which is committed as `openapi.json`.

fn main() {
    print!("{}", lb_studio::openapi());
}

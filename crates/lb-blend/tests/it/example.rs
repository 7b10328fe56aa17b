//! The example runs.

#[path = "../../examples/own_backend.rs"]
mod own_backend;

#[test]
fn own_backend_draws_a_star_that_becomes_a_square() {
    let pictures = own_backend::pictures().unwrap();
    let lines: Vec<&str> = pictures.lines().collect();
    assert_eq!(lines.len(), 9);
    let width = lines[0].chars().count();
    assert_eq!(width, 4 * 18);
    // Near a corner the star is empty and the square is not; both are filled in the middle.
    let at = |line: usize, column: usize| lines[line].chars().nth(column).unwrap();
    assert_eq!((at(1, 2), at(4, 8)), (' ', '#'));
    assert_eq!(at(4, 3 * 18 + 8), '#');
    assert_ne!(at(1, 3 * 18 + 3), ' ');
    own_backend::main().unwrap();
}

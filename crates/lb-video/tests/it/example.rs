#[path = "../../examples/film.rs"]
#[allow(dead_code)]
mod film;

#[test]
fn the_example_writes_and_reads_a_film_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    film::write_films(folder.path()).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 4);
}

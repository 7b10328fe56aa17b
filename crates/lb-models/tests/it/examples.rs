//! The example's functions do what its text says.

#[path = "../../examples/warm_model.rs"]
#[allow(dead_code)]
mod warm_model;

use lb_models::ModelPool;

use crate::surroundings::{pocket, runtime};

#[test]
fn two_pictures_load_the_model_once() {
    let pool = ModelPool::new(runtime(), 1 << 30);
    let [apple, pear, again] = ["a red apple", "a green pear", "a red apple"]
        .map(|prompt| warm_model::draw(&pool, &pocket(), prompt).unwrap());
    assert_eq!(apple.dimensions(), (128, 128));
    assert_ne!(apple, pear);
    assert_eq!(apple, again);
    assert_eq!(pool.loads(), 3);
}

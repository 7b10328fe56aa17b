//! The same film by either sampler.

use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{Picture, distance, sequence};

fn render(sampler: &str) -> (u64, Vec<Picture>) {
    let folder = Folder::new();
    let arguments = [
        "--spacing=fixed",
        "--sampler",
        sampler,
        "--frames-dir=frames",
    ];
    let facts = folder.facts(&[SMALL_FILM, &arguments].concat());
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    (evaluations, sequence(&folder.join("frames")))
}

#[test]
fn both_samplers_draw_the_same_pictures_at_the_same_cost() {
    let [(cost, ddim), (solver_cost, solver)] = ["ddim", "dpmpp-2m"].map(render);
    assert_eq!(cost, solver_cost);
    assert_eq!(ddim.len(), solver.len());
    let whole = distance(&ddim[0].pixels, &ddim[4].pixels);
    for (index, (ddim, solver)) in ddim.iter().zip(&solver).enumerate() {
        let apart = distance(&ddim.pixels, &solver.pixels);
        assert!(
            apart > 0.0 && apart < 0.3 * whole,
            "frame {index}: {apart:.1} apart, {whole:.1} from end to end"
        );
    }
}

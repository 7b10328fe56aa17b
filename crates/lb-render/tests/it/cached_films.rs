//! Films of every mode are rendered again from the cache: nothing is computed, and the films are equal.

use std::path::Path;

use lb_render::{Cache, DepthMap, Inpaint, Job, ModelDirectory, Plan, Renderer, Upscale};

use crate::tiny_models::{Rendered, TinyModel, golden, golden_job, render};

fn cache(folder: &Path) -> Option<Cache> {
    Some(Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap())
}

/// Renders without a cache, with an empty one, and with a full one. Returns the film.
pub(crate) fn assert_found_again(renderer: &Renderer, job: &Job) -> Rendered {
    let plan = Plan::new(job).unwrap();
    let alone = render(renderer, job);
    let folder = tempfile::tempdir().unwrap();
    for rendered_before in [false, true] {
        let renderer = renderer.clone().with_cache(cache(folder.path()));
        let rendered = render(&renderer, job);
        assert!(rendered.film == alone.film && rendered.computed == alone.computed);
        let summary = rendered.summary;
        let evaluations = [
            summary.statistics.model_evaluations,
            summary.statistics.reused_evaluations,
        ];
        let pictures = [summary.decodes, summary.reused_decodes];
        let all = plan.cost.model_evaluations;
        if rendered_before {
            assert_eq!(evaluations, [0, all]);
            assert_eq!(pictures, [0, alone.summary.decodes]);
            assert_eq!(summary.seconds.loading, 0.0, "no model is loaded");
        } else {
            assert_eq!(evaluations, [all, 0]);
            assert_eq!(pictures, [alone.summary.decodes, 0]);
        }
    }
    alone
}

#[test]
fn an_inpainted_film_is_found_in_the_cache() {
    let job = Job {
        inpaint: Some(Inpaint {
            image: golden().join("inpaint/source.png"),
            mask: golden().join("inpaint/mask.png"),
            feather: 3.0,
        }),
        ..golden_job((128, 64))
    };
    assert_found_again(&TinyModel::new("inpaint").renderer(), &job);
}

#[test]
fn a_film_with_a_depth_map_is_found_in_the_cache() {
    let image = golden().join("depth/map.png");
    let job = Job {
        depth: Some(DepthMap { image }),
        ..golden_job((64, 64))
    };
    assert_found_again(&TinyModel::new("depth").renderer(), &job);
}

#[test]
fn an_upscaled_film_is_found_in_the_cache() {
    let upscale = Upscale {
        steps: 4,
        frames: 3,
        depth_strength: 0.5,
        ..Upscale::with_model("x4")
    };
    let job = Job {
        upscale: Some(upscale),
        ..golden_job((64, 64))
    };
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let upscaler = ModelDirectory::open(upscaler.path()).unwrap();
    let renderer = first.renderer().with_upscaler(Some(upscaler));
    assert_found_again(&renderer, &job);
}

//! What stays loaded between pipelines, and what does not.

use std::fs;
use std::thread;

use lb_export::Component;
use lb_models::{
    LoadedComponent, ModelDirectory, ModelPool, PictureDecoder, Pipeline, PipelineOptions,
    Precision, RgbImage,
};
use lb_schedule::BranchingProfile;

use crate::golden_kinds::{Golden, upscaled};
use crate::surroundings::runtime;
use crate::transition::pictures;

/// More than all models of these tests take together.
const PLENTY: u64 = 1 << 30;

fn film(pipeline: &mut Pipeline) -> Vec<RgbImage> {
    let profile = BranchingProfile::manual(4, &[2, 3], &[0, 2]).unwrap();
    pictures(pipeline, ["a b", "ab c"], profile)
}

fn unchanged(_: &mut PipelineOptions) {}

/// The components in the order in which they would be dropped.
fn components(pool: &ModelPool) -> Vec<Component> {
    let loaded = pool.loaded().into_iter();
    loaded.map(|loaded| loaded.component).collect()
}

#[test]
fn twenty_films_load_each_component_once() {
    let golden = Golden::new("sd21");
    let expected = film(&mut golden.pipeline(None));
    let pool = ModelPool::new(runtime(), PLENTY);
    for number in 0..20 {
        let mut pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
        assert_eq!(film(&mut pipeline), expected, "film {number}");
        let times = pipeline.times();
        assert_eq!(times.loading.is_zero(), number > 0, "film {number}");
        assert!(!times.running.is_zero());
    }
    assert_eq!(pool.loads(), 3);
    let idle = pool.loaded();
    assert!(idle.iter().all(|component| !component.in_use));
    assert_eq!(
        components(&pool),
        [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder
        ]
    );
}

#[test]
fn without_a_budget_nothing_is_kept_beyond_its_use() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), 0);
    for number in 1..=2 {
        let mut pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
        film(&mut pipeline);
        assert_eq!(components(&pool), [Component::Unet, Component::VaeDecoder]);
        let decoder = pipeline.decoder();
        drop(pipeline);
        assert_eq!(components(&pool), [Component::VaeDecoder]);
        drop(decoder);
        assert_eq!(pool.loaded(), []);
        assert_eq!(pool.loads(), 3 * number);
    }
}

#[test]
fn what_was_used_last_is_dropped_last() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), PLENTY);
    film(&mut golden.pipeline_in(&pool, unchanged).unwrap());
    let sizes: Vec<u64> = pool.loaded().iter().map(|loaded| loaded.bytes).collect();
    let all: u64 = sizes.iter().sum();
    pool.set_budget(all);
    assert_eq!(components(&pool).len(), 3);
    pool.set_budget(all - 1);
    assert_eq!(components(&pool), [Component::Unet, Component::VaeDecoder]);
    // The text encoder needs more room than is left: the UNet, used longest ago, has to go.
    let mut pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
    let prompt = pipeline.tokenize("a").unwrap();
    pipeline.encode(&[prompt]).unwrap();
    assert_eq!(
        components(&pool),
        [Component::VaeDecoder, Component::TextEncoder]
    );
    pool.set_budget(sizes[0]);
    assert_eq!(components(&pool), [Component::TextEncoder]);
    // What is in use is never dropped, whatever the budget.
    pipeline.load_unet().unwrap();
    pool.set_budget(0);
    assert_eq!(components(&pool), [Component::Unet]);
    assert!(pool.loaded()[0].in_use);
    drop(pipeline);
    assert_eq!(pool.loaded(), []);
}

#[test]
fn released_models_are_dropped_now_or_when_they_come_back() {
    let (first, second) = (Golden::new("sd21"), Golden::new("sd15"));
    let pool = ModelPool::new(runtime(), PLENTY);
    film(&mut first.pipeline_in(&pool, unchanged).unwrap());
    film(&mut second.pipeline_in(&pool, unchanged).unwrap());
    let is_second =
        |loaded: &LoadedComponent| loaded.model == second.folder().canonicalize().unwrap();
    assert_eq!(pool.loaded().len(), 6);
    pool.release(first.folder());
    assert_eq!(pool.loaded().len(), 3);
    assert!(pool.loaded().iter().all(is_second));

    let mut pipeline = second.pipeline_in(&pool, unchanged).unwrap();
    pipeline.load_unet().unwrap();
    pool.release_all();
    assert_eq!(components(&pool), [Component::Unet]);
    drop(pipeline);
    assert_eq!(pool.loaded(), []);
    assert_eq!(pool.loads(), 6);
}

#[test]
fn two_threads_render_with_one_pool() {
    let golden = Golden::new("sd21");
    let expected = film(&mut golden.pipeline(None));
    let pool = ModelPool::new(runtime(), PLENTY);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let mut pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
                    assert_eq!(film(&mut pipeline), expected);
                }
            });
        }
    });
    assert!((3..=6).contains(&pool.loads()), "{} loads", pool.loads());
    assert_eq!(pool.loaded().len() as u64, pool.loads());
}

#[test]
fn a_pipeline_can_move_to_a_worker_thread() {
    fn moves<T: Send + 'static>() {}
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    moves::<Pipeline>();
    is_shared::<ModelPool>();
    is_shared::<PictureDecoder>();
}

#[test]
fn other_options_are_other_sessions() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), PLENTY);
    let changes: [fn(&mut PipelineOptions); 3] = [
        unchanged,
        |options| options.session.precision = Some(Precision::Float16),
        |options| options.session.threads = Some(2),
    ];
    for change in changes.iter().chain(&changes) {
        golden
            .pipeline_in(&pool, change)
            .unwrap()
            .load_unet()
            .unwrap();
    }
    assert_eq!(pool.loads(), 3);
}

/// A UNet that stays loaded takes each pipeline's own noise level.
#[test]
fn a_warm_upscaler_heeds_the_noise_level_of_each_pipeline() {
    let golden = Golden::new("upscale");
    let pool = ModelPool::new(runtime(), PLENTY);
    for level in [20, 21, 20] {
        let set_level = |options: &mut PipelineOptions| options.noise_level = level;
        let warm = upscaled(&mut golden.pipeline_in(&pool, set_level).unwrap());
        let cold = upscaled(&mut golden.pipeline_with(set_level).unwrap());
        assert_eq!(warm, cold, "noise level {level}");
    }
    assert_eq!(pool.loads(), 1);
}

#[test]
fn a_model_that_was_changed_is_loaded_again() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), PLENTY);
    let opened = golden.directory();
    let load = |directory: ModelDirectory| {
        let options = PipelineOptions::default();
        let mut pipeline = Pipeline::open(&pool, directory, 128, 64, options).unwrap();
        pipeline.load_unet().unwrap();
    };
    load(opened.clone());
    load(golden.directory());
    assert_eq!(pool.loads(), 1);

    let config = golden.folder().join("unet/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n")).unwrap();
    // Its configurations are not those that are there now: it is loaded, and not kept.
    load(opened);
    assert_eq!((pool.loads(), pool.loaded().len()), (2, 0));
    load(golden.directory());
    load(golden.directory());
    assert_eq!((pool.loads(), pool.loaded().len()), (3, 1));
}

#[test]
fn a_changed_vocabulary_is_read_again() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), PLENTY);
    let ids = || {
        let pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
        ["a", "b"].map(|prompt| pipeline.tokenize(prompt).unwrap().ids)
    };
    let [a, b] = ids();
    assert_eq!(ids(), [a.clone(), b.clone()]);
    let path = golden.folder().join("tokenizer/vocab.json");
    let text = fs::read_to_string(&path).unwrap();
    let swapped = text
        .replace("\"a</w>\"", "\"?\"")
        .replace("\"b</w>\"", "\"a</w>\"");
    fs::write(&path, swapped.replace("\"?\"", "\"b</w>\"")).unwrap();
    assert_eq!(ids(), [b, a]);
}

#[test]
fn a_load_that_fails_leaves_the_pool_as_it_was() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), PLENTY);
    let weights = golden
        .folder()
        .join("unet/diffusion_pytorch_model.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let mut pipeline = golden.pipeline_in(&pool, unchanged).unwrap();
    pipeline.load_unet().unwrap_err();
    assert_eq!((pool.loads(), pool.loaded().len()), (0, 0));
    drop(pipeline);

    fs::write(&weights, &whole).unwrap();
    film(&mut golden.pipeline_in(&pool, unchanged).unwrap());
    assert_eq!((pool.loads(), pool.loaded().len()), (3, 3));
}

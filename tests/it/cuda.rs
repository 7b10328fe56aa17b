//! The CUDA device on a stand-in for CUDA (`../cuda-stand-in`). ONNX Runtime's own provider reports
//! where nodes run, and the stand-in logs what is copied, recorded and replayed. Its kernels do
//! nothing, so these tests show nothing about pictures.
//!
//! `cargo xtask test-cuda` runs them.

use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, Said};
use crate::modes::golden;

/// A film of two keyframes, then levels of one and of three inner branches: batches of 4, 2 and 6 rows.
const FILM: &[&str] = &[
    "render",
    "a cat",
    "a bee",
    "--steps=6",
    "--branches=2,3,5",
    "--injection-steps=0,2,4",
    "--spacing=fixed",
    "--timestep-spacing=trailing",
    "--device=cuda",
    "--no-cache",
];
/// The bytes of a row of the bundled model's latents, and of its text.
const LATENTS: usize = 4 * 16 * 16 * 4;
const TEXT: usize = 77 * 128 * 4;
/// Where `FILM` wants frames of the bundled model.
const FRAMES: &[&str] = &["--frames-dir=frames", "--force"];

/// Runs the program on the stand-in with these variables, and returns the calls that the stand-in
/// logged, one on each line.
fn run(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> (Said, Vec<String>) {
    let libraries = std::env::var_os("LB_CUDA_STAND_IN");
    let libraries = libraries.expect("`cargo xtask test-cuda` sets the folder of the stand-in");
    let log = folder.cache().join("cuda.log");
    let _ = std::fs::remove_file(&log);
    let mut command = folder.command(arguments);
    command.env("LD_LIBRARY_PATH", libraries);
    command.env("CUDA_STAND_IN_LOG", &log).env("NO_COLOR", "1");
    command.envs(variables.iter().copied());
    let said = Said::from(command.output().unwrap());
    let calls = std::fs::read_to_string(&log).unwrap_or_default();
    (said, calls.lines().map(str::to_owned).collect())
}

/// Runs a command that must succeed without a warning and without breaking a rule of CUDA, and returns
/// the logged calls.
fn logged_calls(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let (said, calls) = run(folder, arguments, &[]);
    assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.error);
    assert!(
        !said.error.contains("warning"),
        "{arguments:?}: {}",
        said.error
    );
    let refused = calls.iter().find(|line| line.starts_with("refused"));
    assert_eq!(refused, None, "{arguments:?}");
    calls
}

fn count(calls: &[String], line: &str) -> usize {
    calls.iter().filter(|found| found.as_str() == line).count()
}

fn starting(calls: &[String], start: &str) -> usize {
    let found = calls.iter().filter(|line| line.starts_with(start));
    found.count()
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn a_device_that_works_is_found() {
    let folder = Folder::new();
    let (said, _) = run(&folder, &["doctor"], &[]);
    assert!(said.output.contains("+ cuda:"), "{}", said.output);
    // `auto` takes it too: something was copied to a GPU.
    let automatic: Vec<&str> = FILM
        .iter()
        .copied()
        .filter(|flag| !flag.starts_with("--device"))
        .chain(FRAMES.iter().copied())
        .collect();
    assert!(starting(&logged_calls(&folder, &automatic), "copied host to device") > 0);
}

/// The lines of the log that report on which device the nodes of a component were placed.
fn placements(said: &Said) -> Vec<&str> {
    let lines = said.error.lines();
    lines.filter(|line| line.contains("nodes placed")).collect()
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn every_node_of_every_kind_of_model_runs_on_the_gpu() {
    let folder = Folder::new();
    let (image, mask) = (golden("inpaint/source.png"), golden("inpaint/mask.png"));
    let depth = golden("depth/map.png");
    let inpaint = ["--image", &image, "--mask", &mask, "--size=128x64"];
    let depth = ["--depth", &depth, "--size=64x64"];
    let upscale = ["--model=./sd21", "--size=64x64", "--upscale=./upscale"];
    let stages = ["--upscale-steps=2", "--upscale-frames=2"];
    let plain = ["--size=64x64"];
    // Text encoder, UNet, VAE decoder; inpainting also encodes a picture, a second stage has a
    // model of its own.
    let kinds: [(&str, Vec<&str>, usize); 7] = [
        ("pocket", vec![], 3),
        ("sd21", plain.to_vec(), 3),
        ("sd21_base", plain.to_vec(), 3),
        ("sd15", plain.to_vec(), 3),
        ("inpaint", inpaint.to_vec(), 4),
        ("depth", depth.to_vec(), 3),
        ("upscale", [&upscale[..], &stages].concat(), 6),
    ];
    for (kind, flags, components) in kinds {
        let model = format!("--model=./{kind}");
        let model = match kind {
            "pocket" => vec![],
            "upscale" => {
                write_tiny_model(kind, &folder.join(kind)).unwrap();
                vec![]
            }
            _ => {
                write_tiny_model(kind, &folder.join(kind)).unwrap();
                vec![model.as_str()]
            }
        };
        for precision in ["--precision=fp16", "--precision=fp32"] {
            let arguments = [FILM, FRAMES, &flags, &model, &[precision, "-vv"]].concat();
            let (said, calls) = run(&folder, &arguments, &[]);
            assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.error);
            let placed = placements(&said);
            assert_eq!(placed.len(), components, "{kind}: {placed:?}");
            for line in placed {
                assert!(
                    line.contains("CUDAExecutionProvider"),
                    "{kind}, {precision}: {line}"
                );
                assert!(line.contains("on_cpu={}"), "{kind}, {precision}: {line}");
            }
            assert_eq!(starting(&calls, "refused"), 0, "{kind}, {precision}");
            let accepted = !said.error.contains("cannot be run as CUDA graphs");
            assert!(accepted, "{kind}, {precision}: {}", said.error);
            assert!(starting(&calls, "replayed") > 0, "{kind}, {precision}");
            assert_eq!(shapes_received(&calls), 0, "{kind}, {precision}");
        }
    }
}

/// How many copies to the host are too small for a result: those of shapes that a node on the GPU computed.
fn shapes_received(calls: &[String]) -> usize {
    const FOUR_SIDES: usize = 4 * 8;
    let received = calls.iter();
    let received = received.filter_map(|line| line.strip_prefix("copied device to host: "));
    let bytes = received.map(|bytes| bytes.parse::<usize>().unwrap());
    bytes.filter(|bytes| *bytes <= FOUR_SIDES).count()
}

/// How often the predictions of calls of each size were received, with the size in rows.
fn received(calls: &[String]) -> Vec<(usize, usize)> {
    let of = |rows| {
        let line = format!("copied device to host: {}", rows * LATENTS);
        (rows, count(calls, &line))
    };
    let sizes = (1..=64).map(of);
    sizes.filter(|(_, calls)| *calls > 0).collect()
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn all_calls_have_one_size_and_text_travels_only_when_it_changes() {
    let launched = [FILM, FRAMES, &["--no-cuda-graphs"]].concat();
    let calls = logged_calls(&Folder::new(), &launched);
    // Of 4, 2 and 6 rows, the smaller ones are padded. The size was planned by a call of its own.
    assert_eq!(received(&calls), [(6, 1 + 6 + 2 + 2)]);
    let text = format!("copied host to device: {}", 6 * TEXT);
    // The stand-in's text encoder answers with zeros, and so does planning send them.
    assert_eq!(count(&calls, &text), 2, "made, and sent once");
    assert_eq!(
        starting(&calls, "captured") + starting(&calls, "replayed"),
        0
    );
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn the_size_of_calls_is_recorded_once_and_then_replayed() {
    let folder = Folder::new();
    let graphs = [FILM, FRAMES].concat();
    let two = logged_calls(&folder, &graphs);
    assert_eq!(starting(&two, "captured"), 1);
    assert_eq!(starting(&two, "replayed"), 6 + 2 + 2);
    // Planned, and compared with launched kernels once.
    assert_eq!(received(&two), [(6, 1 + 1 + 6 + 2 + 2)]);

    // Three keyframes are one batch of six rows, as the second level is.
    let three = logged_calls(&folder, &[&graphs[..], &["a yellow banana"]].concat());
    assert_eq!(starting(&three, "captured"), 1);
    assert_eq!(starting(&three, "replayed"), 6 + 2 * (2 + 2));
    assert_eq!(received(&three), [(6, 1 + 1 + 6 + 2 * (2 + 2))]);
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn a_replay_that_computes_something_else_is_not_believed() {
    let folder = Folder::new();
    let graphs = [FILM, FRAMES].concat();
    let (said, calls) = run(&folder, &graphs, &[("CUDA_STAND_IN_SPOIL_REPLAYS", "1")]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let warnings = said.error.lines().filter(|line| line.contains("WARN"));
    assert_eq!(warnings.count(), 1, "{}", said.error);
    assert!(said.error.contains("without graphs"), "{}", said.error);
    assert_eq!(starting(&calls, "captured"), 1);
    assert_eq!(starting(&calls, "replayed"), 1);
}

#[test]
#[ignore = "wants the stand-in for CUDA: cargo xtask test-cuda"]
fn a_batch_that_the_memory_does_not_hold_is_computed_in_parts() {
    let folder = Folder::new();
    let large = ["--branches=2,24", "--injection-steps=0,4", "--size=512x512"];
    let rest = FILM
        .iter()
        .filter(|flag| !flag.contains("--branches") && !flag.contains("--inj"));
    let rest: Vec<&str> = rest.copied().collect();
    let large = [&rest, FRAMES, &large].concat();
    // Calls by their rows, latents having 16 times those of the model's own size.
    let with_megabytes = |megabytes: &str| {
        let (said, calls) = run(&folder, &large, &[("CUDA_STAND_IN_MEGABYTES", megabytes)]);
        let calls = |rows| {
            let received = format!("copied device to host: {}", rows * LATENTS * 16);
            count(&calls, &received)
        };
        let calls: Vec<(usize, usize)> = (1..=16).map(|rows| (rows, calls(rows))).collect();
        (
            said,
            calls.into_iter().filter(|(_, calls)| *calls > 0).collect(),
        )
    };
    let (said, calls): (Said, Vec<_>) = with_megabytes("2000");
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(!said.error.contains("warning"), "{}", said.error);
    assert_eq!(calls, [(4, 1 + 1 + 6 + 2 * 11)]);

    let (said, calls) = with_megabytes("300");
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.error.contains("does not fit into memory"),
        "{}",
        said.error
    );
    assert_eq!(calls, [(2, 6 * 2 + 2 * 22)]);

    // Little for loading side by side and for the decoder's calls of four.
    let (said, _) = with_megabytes("230");
    assert_eq!(said.code, Some(0), "{}", said.error);

    let (said, _) = with_megabytes("20");
    said.assert_refused(1, &["out of memory", "--batch"]);
}

//! Positions that frames carry are compared with each other and with the job.

use std::path::Path;

use lb_render::{EarlierFrames, Outputs, RenderError, RgbImage};
use lb_video::{FilmOptions, FilmWriter, picture};

use crate::earlier_frames::{Saved, position};
use crate::tiny_models::TinyModel;
use crate::upscale::{long_job, renderer};

fn save(folder: &Path, frames: &[Saved]) {
    let size = picture::size(&frames[0].frame);
    std::fs::create_dir_all(folder).unwrap();
    for (index, saved) in frames.iter().enumerate() {
        let options = FilmOptions {
            description: saved.job.clone(),
            ..Default::default()
        };
        let one = folder.join("one");
        let mut film = FilmWriter::png_sequence(&one, size.0, size.1, &options).unwrap();
        let frame = saved.frame.clone();
        match saved.position.clone() {
            Some(position) => film.write_with_text(frame, position).unwrap(),
            None => film.write(frame).unwrap(),
        }
        film.finish().unwrap();
        let name = format!("frame_{index:04}.png");
        std::fs::rename(one.join("frame_0000.png"), folder.join(name)).unwrap();
        std::fs::remove_dir(one).unwrap();
    }
}

/// Upscales seven frames, with three pairs in each transition, after changing them. Returns the fractions
/// or the error.
fn upscaled(change: impl FnOnce(&mut Vec<Saved>)) -> Result<Vec<Vec<f64>>, String> {
    let job = long_job(3, 4, false);
    let mut saved: Vec<Saved> = (0..7)
        .map(|index: usize| Saved {
            frame: RgbImage::from_pixel(16, 16, [30 * index as u8; 3].into()),
            job: Some("a job".into()),
            position: match index {
                0 => position(0, 0.0),
                _ => position((index - 1) / 3, [1.0, 0.2, 0.6][index % 3]),
            },
        })
        .collect();
    change(&mut saved);
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("low"), &saved);
    let upscaler = TinyModel::new("upscale");
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("high")),
        ..Default::default()
    };
    let earlier = EarlierFrames::read(&folder.path().join("low")).unwrap();
    let upscaling = renderer(&upscaler, &upscaler);
    match upscaling.upscale(&job, &earlier, &outputs, &mut ()) {
        Ok(summary) => {
            let transitions = summary.transitions.into_iter();
            Ok(transitions.map(|at| at.fractions[0].clone()).collect())
        }
        Err(error) => {
            assert!(error.is_request(), "{error}");
            let misplaced = matches!(error, RenderError::FramePosition(_) | RenderError::Video(_));
            assert!(misplaced, "{error}");
            assert!(!folder.path().join("high").exists());
            Err(error.to_string())
        }
    }
}

#[test]
fn missing_positions_are_filled_in() {
    let own = vec![0.0, 0.2, 0.6, 1.0];
    assert_eq!(upscaled(|_| {}), Ok(vec![own.clone(), own.clone()]));
    // Frames as another program saves them.
    let foreign = upscaled(|frames| {
        for frame in frames {
            (frame.position, frame.job) = (None, None);
        }
    });
    let fixed = lb_schedule::fixed_fractions(4, 1.2).unwrap();
    assert_eq!(foreign, Ok(vec![fixed.clone(), fixed]));
    let retouched = upscaled(|frames| {
        for at in [0, 1, 3] {
            (frames[at].position, frames[at].job) = (None, None);
        }
    });
    assert_eq!(retouched, Ok(vec![vec![0.0, 0.3, 0.6, 1.0], own]));
}

#[test]
fn frames_that_contradict_each_other_are_refused() {
    let refused = |change: fn(&mut Vec<Saved>), words: &[&str]| {
        let message = upscaled(change).unwrap_err();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    };
    refused(
        |frames| frames.swap(1, 2),
        &["frame_0002.png", "0.2 of transition 1", "0.6", "film order"],
    );
    refused(
        |frames| frames[4].position = position(1, f64::NAN),
        &["frame_0004.png", "NaN", "0 to 1"],
    );
    refused(
        |frames| frames[4].position = Some("transition = ".into()),
        &["frame_0004.png", "damaged position"],
    );
    refused(
        |frames| frames[6].job = Some("another job".into()),
        &["frame_0006.png", "frame_0000.png", "different films"],
    );
    refused(
        |frames| frames[3].position = position(0, 0.9),
        &["frame_0003.png", "0.9", "the end of transition 1"],
    );
    refused(
        |frames| frames[3].position = position(1, 0.1),
        &[
            "frame_0003.png",
            "0.1 of transition 2",
            "the end of transition 1",
        ],
    );
    refused(
        |frames| frames[0].position = position(0, 0.1),
        &["frame_0000.png", "the beginning of transition 1"],
    );
}

//! The bundled model behind the port.

use lb_blend::testing::conformance;
use lb_blend::{Backend, LatentShape, Latents, noise};
use lb_models::{ModelError, PipelineOptions, SessionOptions};
use lb_schedule::BranchingProfile;

use crate::surroundings::{pipeline, pocket, pool, runtime};
use crate::transition::pictures;

const SHAPE: LatentShape = LatentShape {
    channels: 4,
    height: 16,
    width: 16,
};

#[test]
fn the_real_backend_conforms_to_the_port() {
    let width = pocket().text_width;
    conformance(
        &mut |limit| Box::new(pipeline(Some(limit))),
        SHAPE,
        0,
        77,
        width,
    );
}

#[test]
fn a_red_apple_is_red_and_a_green_pear_is_green() {
    let mut pipeline = pipeline(None);
    let profile = BranchingProfile::manual(12, &[2, 3], &[0, 6]).unwrap();
    let pictures = pictures(&mut pipeline, ["a red apple", "a green pear"], profile);
    assert_eq!(pictures.len(), 3);
    assert_eq!(pictures[0].dimensions(), (128, 128));
    let centre = |index: usize| {
        let picture = &pictures[index];
        let mut mean = [0.0_f64; 3];
        for row in 48..96 {
            for column in 48..80 {
                let pixel = picture.get_pixel(column, row);
                for (mean, byte) in mean.iter_mut().zip(pixel.0) {
                    *mean += f64::from(byte) / (48.0 * 32.0);
                }
            }
        }
        mean
    };
    let (apple, pear) = (centre(0), centre(2));
    assert!(
        apple[0] > apple[1] + 60.0,
        "the apple's centre is {apple:?}"
    );
    assert!(pear[1] > pear[0] + 30.0, "the pear's centre is {pear:?}");
}

#[test]
fn equal_prompts_are_encoded_alike_wherever_they_stand() {
    let mut pipeline = pipeline(None);
    let tokens: Vec<_> = ["pear", "apple", "pear"]
        .iter()
        .map(|prompt| pipeline.tokenize(prompt).unwrap())
        .collect();
    let encoded = pipeline.encode(&tokens).unwrap();
    assert_eq!(encoded[0], encoded[2]);
    assert_ne!(encoded[0], encoded[1]);
    assert_eq!(
        (encoded[0].tokens, encoded[0].width),
        (77, pocket().text_width)
    );
}

/// More prompts than are encoded in one call: whatever a prompt's neighbours are, and how many, its bits are
/// the same.
#[test]
fn a_prompt_is_encoded_alike_among_any_others() {
    let mut pipeline = pipeline(None);
    let tokens: Vec<_> = (0..21)
        .map(|number| pipeline.tokenize(&format!("a pear {number}")).unwrap())
        .collect();
    let together = pipeline.encode(&tokens).unwrap();
    assert_eq!(together.len(), 21);
    for (tokens, expected) in tokens.into_iter().zip(together) {
        assert_eq!(pipeline.encode(&[tokens]).unwrap(), [expected]);
    }
}

#[test]
fn picture_features_tell_pictures_apart() {
    let mut pipeline = pipeline(None);
    let grey = Latents::from_values(SHAPE, vec![0.0; SHAPE.len()]).unwrap();
    let other = noise::initial_latents(3, SHAPE).unwrap();
    let features = pipeline
        .picture_features(&[grey.clone(), other, grey])
        .unwrap();
    assert_eq!(features[0], features[2]);
    assert_ne!(features[0], features[1]);
}

/// One of the bundled model's four channels hardly shows: a least-squares fit over the frames of 24
/// films gave weights of 1.24, 0.96, 1.58 and 0.21.
#[test]
fn channels_weigh_what_they_show() {
    let weights = pipeline(None).channel_weights(4).unwrap();
    assert!((weights.iter().sum::<f64>() - 4.0).abs() < 1e-9);
    assert!(weights[3] < 0.3, "{weights:?}");
    assert!(
        weights[..3].iter().all(|weight| *weight > 0.9),
        "{weights:?}"
    );
    assert_eq!(weights, pipeline(None).channel_weights(4).unwrap());
}

#[test]
fn sizes_that_the_unet_cannot_halve_are_refused() {
    let open = |width, height| {
        lb_models::Pipeline::open(&pool(), pocket(), width, height, PipelineOptions::default())
            .map(|pipeline| pipeline.latent_shape())
    };
    assert_eq!(open(192, 128).unwrap(), LatentShape { width: 24, ..SHAPE });
    for (width, height) in [(100, 128), (0, 64), (128, 1 << 20)] {
        assert!(matches!(
            open(width, height),
            Err(ModelError::PictureSize { .. })
        ));
    }
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_with_the_reason() {
    let missing = lb_models::providers(runtime())
        .into_iter()
        .find(|report| report.device == lb_models::Device::Cuda)
        .and_then(|report| report.missing);
    let Some(reason) = missing else { return };
    let options = PipelineOptions::from(SessionOptions::new(lb_models::Device::Cuda));
    let Err(error) = lb_models::Pipeline::open(&pool(), pocket(), 128, 128, options) else {
        panic!("opened on a device that is not there")
    };
    assert!(
        matches!(error, ModelError::DeviceUnavailable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&reason.to_string()), "{error}");
}

//! The denoiser: latents, a timestep and conditioning to a model output.
//!
//! Whatever a kind of model takes beside them goes in here too: concatenated channels behind each
//! row's latents, and a class label.

mod batch;
mod replay;

use lb_blend::{CallRows, LatentShape, PredictRequest};
use lb_checkpoint::Component;
use ort::value::TensorElementType;

use self::batch::BoundBatch;
use self::replay::{Replay, Replays};
use crate::device::{InputShape, ShapeProfile};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::kind::ModelKind;
use crate::pool::Pooled;
use crate::session::{ComponentSession, GraphSource, Port, SessionRequest, SessionTimes};

const NAME: &str = "UNet";

pub(crate) struct Unet {
    session: ComponentSession,
    takes_float_timestep: bool,
    /// `[1]`, or `[]` in graphs that PyTorch's older exporter wrote.
    timestep_shape: Vec<usize>,
    takes_class: bool,
    /// The class label of a model that takes one: the upscaler's noise level.
    class: i64,
    /// Each with its CUDA graph, where it has one.
    batches: Vec<(BoundBatch, Option<Replay>)>,
    replays: Option<Replays>,
    /// Rows that the device's memory holds, as far as is known.
    most_rows: usize,
}

/// Batches without a graph that stay bound: a level that the batch limit splits has calls of two
/// sizes.
const BATCHES_KEPT: usize = 2;

impl Pooled for Unet {
    const COMPONENT: Component = Component::Unet;

    fn load(
        directory: &ModelDirectory,
        mut request: SessionRequest<'_>,
    ) -> Result<Self, ModelError> {
        request.records_graphs = request.options.cuda_graphs;
        if let GraphSource::File(_) = request.source {
            // Whoever exported the file chose which shapes to leave open.
            request.profile = None;
        }
        let takes_class = directory.kind() == ModelKind::Upscale;
        let session = ComponentSession::load(NAME, request)?;
        let mut inputs = vec![
            Port {
                name: "sample",
                types: &[TensorElementType::Float32],
            },
            Port {
                name: "timestep",
                types: &[TensorElementType::Int64, TensorElementType::Float32],
            },
            Port {
                name: "encoder_hidden_states",
                types: &[TensorElementType::Float32],
            },
        ];
        if takes_class {
            inputs.push(Port {
                name: "class_labels",
                types: &[TensorElementType::Int64],
            });
        }
        session.check(
            &inputs,
            &[Port {
                name: "out_sample",
                types: &[TensorElementType::Float32],
            }],
        )?;
        let takes_float_timestep =
            session.input_type("timestep") == Some(TensorElementType::Float32);
        let is_scalar = session.input_rank("timestep") == Some(0);
        Ok(Self {
            replays: Replays::of(&session),
            most_rows: usize::MAX,
            session,
            takes_float_timestep,
            timestep_shape: if is_scalar { Vec::new() } else { vec![1] },
            takes_class,
            class: 0,
            batches: Vec::new(),
        })
    }

    fn session(&mut self) -> &mut ComponentSession {
        &mut self.session
    }

    fn recycle(&mut self) -> bool {
        // The next film has batches of other sizes. Those that graphs were recorded with stay.
        self.batches.retain(|(_, replay)| replay.is_some());
        self.most_rows = usize::MAX;
        let may_record = self.replays.as_ref().is_some_and(Replays::has_room);
        may_record || !self.session.records_graphs()
    }
}

impl Unet {
    /// Sets the class label of all further calls: an upscaler's noise level. Other models have none.
    pub(crate) fn set_class(&mut self, class: usize) {
        self.class = class as i64;
    }

    /// One call for all rows, several where the device's memory does not hold them at once; `output`
    /// gets rows × channels × height × width values.
    pub(crate) fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let values = request.shape.len();
        let mut done = 0;
        while done < request.rows {
            let rows = (request.rows - done).min(self.most_rows);
            let part = request.of_rows(done..done + rows);
            match self.call(&part, &mut output[done * values..][..rows * values]) {
                Ok(()) => done += rows,
                Err(ModelError::OutOfMemory { .. }) if rows > 1 => {
                    self.most_rows = rows.div_ceil(2);
                    tracing::warn!(
                        "the memory does not hold a batch of {rows} rows: going on with {} at once",
                        self.most_rows
                    );
                    self.batches.clear();
                    self.replays = None;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn call(&mut self, request: &PredictRequest<'_>, output: &mut [f32]) -> Result<(), ModelError> {
        let handing = || ModelError::runtime("handing a batch to the UNet");
        let place = self
            .batches
            .iter()
            .position(|(batch, _)| batch.fits(request));
        let (mut batch, mut replay) = match (place, &mut self.replays) {
            (Some(place), _) => self.batches.remove(place),
            (None, replays) => {
                let replay = match replays {
                    Some(replays) => replays.assign(&self.session)?,
                    None => None,
                };
                (BoundBatch::new(self, request).map_err(handing())?, replay)
            }
        };
        batch.set(request, self.class).map_err(handing())?;
        self.run(&mut batch, replay.as_mut())?;
        output.copy_from_slice(batch.predicted());
        self.keep(batch, replay);
        Ok(())
    }

    fn run(
        &mut self,
        batch: &mut BoundBatch,
        replay: Option<&mut Replay>,
    ) -> Result<(), ModelError> {
        let (Some(replays), Some(replay)) = (&mut self.replays, replay) else {
            batch.run(&mut self.session, None)?;
            return Ok(());
        };
        if !replays.run(&mut self.session, batch, replay)? {
            tracing::warn!(
                "a CUDA graph did not compute what its kernels do one by one: going on without graphs"
            );
            self.replays = None;
        }
        Ok(())
    }

    /// The last one used stands last. What a graph was recorded with must keep its place.
    fn keep(&mut self, batch: BoundBatch, replay: Option<Replay>) {
        self.batches.push((batch, replay));
        let plain = |(_, replay): &(BoundBatch, Option<Replay>)| replay.is_none();
        if self.batches.iter().filter(|kept| plain(kept)).count() > BATCHES_KEPT
            && let Some(oldest) = self.batches.iter().position(plain)
        {
            self.batches.remove(oldest);
        }
    }

    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// The shapes that TensorRT builds the engine for.
pub(crate) fn shape_profile(
    directory: &ModelDirectory,
    latents: LatentShape,
    rows: CallRows,
) -> ShapeProfile {
    let channels = latents.channels + directory.concatenated_channels();
    let text = [directory.text_length(), directory.text_width()];
    let mut inputs = vec![
        InputShape::of_rows("sample", &[channels, latents.height, latents.width]),
        InputShape::fixed("timestep", &[1]),
        InputShape::of_rows("encoder_hidden_states", &text),
    ];
    if directory.kind() == ModelKind::Upscale {
        inputs.push(InputShape::of_rows("class_labels", &[]));
    }
    ShapeProfile::new(inputs, rows)
}

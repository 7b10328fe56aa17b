//! The denoiser, which makes a prediction of latents, a timestep and conditioning.
//!
//! Some kinds of model take more: concatenated channels behind each row's latents, or a class label.

mod batch;
mod call_sizes;
mod replay;

use lb_blend::{BatchSteps, CallRows, LatentShape, PredictRequest};
use lb_checkpoint::{Component, ModelKind};
use lb_export::{LORA_STRENGTHS, Precision};
use ort::value::TensorElementType;

use self::batch::{BoundBatch, InputForms};
use self::call_sizes::CallSizes;
pub(crate) use self::call_sizes::compiled_rows;
use self::replay::{Replay, Replays};
use crate::device::{InputShape, ShapeProfile, TEXT};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::pool::Pooled;
use crate::session::{ComponentSession, Port, SessionRequest, SessionTimes};

const NAME: &str = "UNet";

/// The denoiser's session, and the tensors that are bound to it.
pub(crate) struct Unet {
    session: ComponentSession,
    inputs: InputForms,
    /// The class label of a model that takes one: the upscaler's noise level.
    class: i64,
    /// Bound tensors for calls of one size each, with a CUDA graph if they have one. The last one used
    /// is at the end.
    batches: Vec<(BoundBatch, Option<Replay>)>,
    replays: Option<Replays>,
    sizes: CallSizes,
}

/// How many batches without a CUDA graph stay bound: a level that the batch limit splits has calls of
/// two sizes.
const BATCHES_KEPT: usize = 2;

impl Pooled for Unet {
    const COMPONENT: Component = Component::Unet;

    fn load(
        directory: &ModelDirectory,
        mut request: SessionRequest<'_>,
    ) -> Result<Self, ModelError> {
        request.records_graphs = request.options.cuda_graphs;
        if let GraphSource::File(_) = request.source {
            // Which shapes a file leaves open was decided when it was exported.
            request.profile = None;
        }
        let takes_class = directory.kind == ModelKind::Upscale;
        let session = ComponentSession::load(NAME, request)?;
        let mut ports = vec![
            Port::floats("sample"),
            Port {
                name: "timestep",
                types: &[TensorElementType::Int64, TensorElementType::Float32],
            },
            Port::floats("encoder_hidden_states"),
        ];
        if takes_class {
            ports.push(Port {
                name: "class_labels",
                types: &[TensorElementType::Int64],
            });
        }
        let loras = directory.lora_inputs(Self::COMPONENT);
        if loras > 0 {
            ports.push(Port::floats(LORA_STRENGTHS));
        }
        session.validate(&ports, &[Port::floats("out_sample")])?;
        let timestep = session.input_type("timestep");
        let is_scalar = session.input_rank("timestep") == Some(0);
        Ok(Self {
            replays: Replays::of(&session),
            sizes: CallSizes::any(usize::MAX),
            session,
            inputs: InputForms {
                takes_float_timestep: timestep == Some(TensorElementType::Float32),
                timestep_shape: if is_scalar { Vec::new() } else { vec![1] },
                takes_class,
                loras,
            },
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
        self.sizes = CallSizes::any(usize::MAX);
        let may_record = self.replays.as_ref().is_some_and(Replays::has_room);
        may_record || !self.session.records_graphs()
    }
}

impl Unet {
    /// Sets the class label of all further calls: an upscaler's noise level. Other models have none.
    pub(crate) fn set_class(&mut self, class: usize) {
        self.class = class as i64;
    }

    /// From now on, calls have as many rows as there are to predict, but no more than `most`.
    pub(crate) fn allow_any_size(&mut self, most: usize) {
        self.sizes = CallSizes::any(most);
    }

    /// From now on, all calls have this many rows, for which the session was compiled.
    pub(crate) fn keep_to_size(&mut self, rows: usize) {
        self.sizes = CallSizes::compiled(rows);
    }

    /// From now on, calls have one or two sizes: those that suit these batches best. None has more than
    /// `most` rows.
    pub(crate) fn choose_sizes(&mut self, batches: &[BatchSteps], shape: LatentShape, most: usize) {
        self.sizes = CallSizes::chosen(batches, shape, most);
        tracing::debug!(sizes = ?self.sizes, "sizes of the UNet's calls");
    }

    /// Predicts all rows, in one call or in several. `output` gets rows × channels × height × width
    /// values.
    pub(crate) fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let values = request.shape.len();
        let mut done = 0;
        while done < request.rows {
            let size = self.sizes.next(request.rows - done);
            let rows = (request.rows - done).min(size);
            let part = request.of_rows(done..done + rows);
            match self.call(&part, size, &mut output[done * values..][..rows * values]) {
                Ok(()) => done += rows,
                Err(ModelError::OutOfMemory { .. }) if self.sizes.may_shrink(size) => {
                    self.sizes.shrink(size);
                    tracing::warn!(
                        "a call of {size} rows does not fit into memory; continuing with calls of {}",
                        size.div_ceil(2)
                    );
                    self.batches.clear();
                    self.replays = None;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the first call of every size that was chosen and has had none: one of a request's form.
    /// Kernels are launched, because recording has to wait until nobody else uses the device. A size for
    /// which there is no memory is left to the calls that need it.
    pub(crate) fn plan(&mut self, request: &PredictRequest<'_>) -> Result<(), ModelError> {
        for size in self.sizes.fixed().to_vec() {
            if self.position(request, size).is_some() {
                continue;
            }
            let planned = self
                .take_batch(request, size)
                .and_then(|(mut batch, replay)| {
                    batch.run(&mut self.session, None)?;
                    self.keep(batch, replay);
                    Ok(())
                });
            match planned {
                Err(error) if !matches!(error, ModelError::OutOfMemory { .. }) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Predicts the rows of a request in a call of `size` rows, which are at least as many.
    fn call(
        &mut self,
        request: &PredictRequest<'_>,
        size: usize,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let (mut batch, mut replay) = self.take_batch(request, size)?;
        self.run(&mut batch, replay.as_mut())?;
        output.copy_from_slice(&batch.predicted()[..output.len()]);
        self.keep(batch, replay);
        // The engine also refuses such a value, but cannot know that it may be an overflow.
        let is_finite = || output.iter().all(|value| value.is_finite());
        match self.session.precision() == Precision::Float32 || is_finite() {
            true => Ok(()),
            false => Err(self.session.not_finite()),
        }
    }

    /// The position of the tensors for calls of this many rows of the request's form.
    fn position(&self, request: &PredictRequest<'_>, size: usize) -> Option<usize> {
        let mut known = self.batches.iter();
        known.position(|(batch, _)| batch.fits(request, size))
    }

    /// The tensors for calls of this many rows, filled with the request.
    fn take_batch(
        &mut self,
        request: &PredictRequest<'_>,
        size: usize,
    ) -> Result<(BoundBatch, Option<Replay>), ModelError> {
        let handing = || ModelError::runtime("handing a batch to the UNet");
        let (mut batch, replay) = match self.position(request, size) {
            Some(position) => self.batches.remove(position),
            None => {
                let replay = match &mut self.replays {
                    Some(replays) => replays.assign(&self.session)?,
                    None => None,
                };
                let batch = BoundBatch::new(&self.session, &self.inputs, request, size);
                (batch.map_err(handing())?, replay)
            }
        };
        batch.set(request, self.class).map_err(handing())?;
        Ok((batch, replay))
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
        match replays.run(&mut self.session, batch, replay) {
            Ok(true) => return Ok(()),
            Ok(false) => tracing::warn!(
                "a CUDA graph did not compute what its kernels compute one by one; continuing without graphs"
            ),
            Err(error @ ModelError::OutOfMemory { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!("a CUDA graph failed; continuing without graphs: {error}");
                batch.run(&mut self.session, None)?;
            }
        }
        self.replays = None;
        Ok(())
    }

    /// Keeps a batch for later calls of its size. The tensors that a graph was recorded with must keep
    /// their addresses, so these batches are never dropped.
    fn keep(&mut self, batch: BoundBatch, replay: Option<Replay>) {
        self.batches.push((batch, replay));
        let plain = |(_, replay): &(BoundBatch, Option<Replay>)| replay.is_none();
        if self.batches.iter().filter(|kept| plain(kept)).count() > BATCHES_KEPT
            && let Some(oldest) = self.batches.iter().position(plain)
        {
            self.batches.remove(oldest);
        }
    }

    /// How long the session took so far.
    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// The shapes of the UNet's inputs for these latents, tokens of each conditioning and numbers of rows.
pub(crate) fn shape_profile(
    directory: &ModelDirectory,
    latents: LatentShape,
    tokens: usize,
    rows: CallRows,
) -> ShapeProfile {
    let channels = latents.channels + directory.concatenated_channels();
    let input = |name, has_rows, sides: &[usize]| InputShape {
        name,
        has_rows,
        sides: sides.to_vec(),
    };
    let text = [tokens, directory.text_width];
    let mut inputs = vec![
        input("sample", true, &[channels, latents.height, latents.width]),
        input("timestep", false, &[1]),
        input(TEXT, true, &text),
    ];
    if directory.kind == ModelKind::Upscale {
        inputs.push(input("class_labels", true, &[]));
    }
    let loras = directory.lora_inputs(Component::Unet);
    if loras > 0 {
        inputs.push(input(LORA_STRENGTHS, true, &[loras]));
    }
    ShapeProfile { inputs, rows }
}

//! What models run on: the devices, what each of them needs, and which of them work here.
//!
//! Each device is a type that implements [`ExecutionProvider`](provider::ExecutionProvider), in a file
//! of its own, and a line in one table:
//!
//! | file | content |
//! |---|---|
//! | `names.rs` | [`Device`]: the names of all devices |
//! | `provider.rs` | the trait: what sessions need to know about a device |
//! | `cpu.rs`, `cuda.rs`, `tensorrt.rs` | one execution provider each |
//! | `table.rs` | all providers, what `auto` tries, and the trial of a device |
//! | `nvidia.rs`, `nvidia_libraries.txt` | NVIDIA's driver and libraries, which two providers need |
//! | `problem.rs` | [`DeviceProblem`]: why a device cannot be used |
//! | `shape_profile.rs` | the shapes of a graph's inputs, for devices that want them beforehand |
//!
//! # Adding a device
//!
//! 1. Enable the provider's feature of `ort` in the workspace's `Cargo.toml`.
//! 2. Add a variant to [`Device`] in `names.rs`. The first line of its documentation is its help.
//! 3. Write `device/<name>.rs`: a unit struct that implements `ExecutionProvider`. `register` returns
//!    the provider with its options and `.error_on_failure()`; the other methods have defaults that
//!    are right for a device in the machine's own memory. `cuda.rs` is an example.
//! 4. Add a line to `PROVIDERS` in `table.rs`, and one to `AUTOMATIC` if `auto` should try it.
//! 5. If something can be missing that no [`DeviceProblem`] names, add a variant, and in
//!    `lb-cli/src/error.rs` what a user can do about it.
//!
//! Nothing else in this crate depends on which devices there are. `docs/architecture.md` has the same
//! recipe with the documents to change.

mod cpu;
mod cuda;
mod names;
mod nvidia;
pub(crate) mod problem;
mod provider;
mod shape_profile;
mod table;
mod tensorrt;

pub use names::Device;
pub use problem::DeviceProblem;
pub(crate) use provider::Registration;
pub(crate) use shape_profile::{InputShape, ShapeProfile};
pub use table::{ProviderReport, providers};

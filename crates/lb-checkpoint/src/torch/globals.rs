//! The Python names that a checkpoint's program may use.

/// The meaning of a name. Nothing that it names is ever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`, or a dictionary of parameters.
    Dictionary,
    /// `torch._utils._rebuild_tensor_v2`, which makes a tensor of a storage, an offset, a shape and strides.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`, which makes a parameter of a tensor.
    RebuildParameter,
    /// A type of storage, such as `torch.FloatStorage`.
    Storage(Format),
    /// Something else that training leaves in a checkpoint. Its content is ignored, and so is everything
    /// that is made with it.
    Opaque,
}

/// The number format of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// The format's name in safetensors files.
    pub(super) dtype: &'static str,
    /// The number of bytes that a number takes.
    pub(super) width: u64,
}

const FORMATS: [(&str, Format); 10] = [
    ("DoubleStorage", format("F64", 8)),
    ("LongStorage", format("I64", 8)),
    ("FloatStorage", format("F32", 4)),
    ("IntStorage", format("I32", 4)),
    ("HalfStorage", format("F16", 2)),
    ("BFloat16Storage", format("BF16", 2)),
    ("ShortStorage", format("I16", 2)),
    ("CharStorage", format("I8", 1)),
    ("ByteStorage", format("U8", 1)),
    ("BoolStorage", format("BOOL", 1)),
];

const fn format(dtype: &'static str, width: u64) -> Format {
    Format { dtype, width }
}

/// Names that published checkpoints use for things other than tensors.
const OPAQUE: [(&str, &str); 16] = [
    ("__builtin__", "set"),
    ("builtins", "set"),
    ("__builtin__", "frozenset"),
    ("builtins", "frozenset"),
    ("_codecs", "encode"),
    ("collections", "defaultdict"),
    ("collections", "Counter"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("torch", "Size"),
    ("torch", "device"),
    ("argparse", "Namespace"),
];

/// Packages whose classes are opaque. They are the frameworks with which Stable Diffusion is trained.
const OPAQUE_PACKAGES: [&str; 3] = ["pytorch_lightning", "lightning", "lightning_fabric"];

/// Returns the meaning of a name, or `None` if a checkpoint may not use it.
pub(super) fn look_up(module: &str, name: &str) -> Option<Global> {
    let package = module.split('.').next().unwrap_or_default();
    match (module, name) {
        ("collections", "OrderedDict") | ("torch.nn.modules.container", "ParameterDict") => {
            Some(Global::Dictionary)
        }
        ("torch._utils", "_rebuild_tensor_v2") => Some(Global::RebuildTensor),
        ("torch._utils", "_rebuild_parameter") => Some(Global::RebuildParameter),
        ("torch", name) if name.ends_with("Storage") => {
            let format = FORMATS.iter().find(|(known, _)| *known == name);
            format.map(|(_, format)| Global::Storage(*format))
        }
        name if OPAQUE.contains(&name) || OPAQUE_PACKAGES.contains(&package) => {
            Some(Global::Opaque)
        }
        _ => None,
    }
}

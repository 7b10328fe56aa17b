//! Execution providers that are plugins of ONNX Runtime, each in a folder next to that of ONNX Runtime's library.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use super::wheels::{Staging, Wheels};
use crate::workspace::{Workspace, entries_in};

/// A device whose provider is a plugin, by the name of `--device`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PluginDevice {
    /// Intel's CPUs and GPUs (53 MB)
    #[value(name = "openvino")]
    OpenVino,
    /// GPUs with Vulkan or Metal (7 MB)
    #[value(name = "webgpu")]
    WebGpu,
    /// Apple's GPUs (43 MB)
    Mlx,
    /// NVIDIA's RTX GPUs (147 MB)
    TensorrtRtx,
}

/// A copy of the requirements from which the folder was made.
const STAMP: &str = "requirements.txt";

/// Where the plugin of a device comes from.
struct Source {
    wheels: Wheels,
    /// The folder of its files in the wheel.
    module: &'static str,
    /// Libraries that are also looked for under their names without a version.
    unversioned: &'static [&'static str],
}

impl PluginDevice {
    fn source(self, system: &str, processor: &str) -> Result<Source> {
        let linux = (system, processor) == ("linux", "x86_64");
        let (what, megabytes, requirements, module) = match self {
            Self::OpenVino => ("OpenVINO", 53, "openvino.txt", "onnxruntime_ep_openvino"),
            Self::WebGpu => (
                "the plugin for WebGPU",
                7,
                "webgpu.txt",
                "onnxruntime_ep_webgpu",
            ),
            Self::Mlx => ("the plugin for MLX", 43, "mlx.txt", "onnxruntime_ep_mlx"),
            Self::TensorrtRtx => (
                "TensorRT for RTX",
                147,
                "tensorrt-rtx.txt",
                "onnxruntime_ep_nv_tensorrt_rtx",
            ),
        };
        let platform = match (self, system, processor) {
            (Self::OpenVino | Self::WebGpu | Self::TensorrtRtx, _, _) if linux => {
                "manylinux_2_28_x86_64"
            }
            (Self::WebGpu, "linux", "aarch64") => "manylinux_2_28_aarch64",
            (Self::WebGpu, "macos", "aarch64") => "macosx_14_0_universal2",
            (Self::Mlx, "macos", "aarch64") => "macosx_14_0_arm64",
            _ => bail!("{what} is not pinned for {system} on {processor}"),
        };
        Ok(Source {
            wheels: Wheels {
                what: what.into(),
                megabytes,
                requirements,
                platforms: vec![platform],
                otherwise: "install its package with pip into the environment of lb",
            },
            module,
            unversioned: match self {
                Self::TensorrtRtx => &["libtensorrt_rtx", "libtensorrt_onnxparser_rtx"],
                _ => &[],
            },
        })
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// Fetches the plugin of a device, unless it is there already, and returns its folder.
pub(super) fn fetch(workspace: &Workspace, device: PluginDevice) -> Result<PathBuf> {
    let source = device.source(std::env::consts::OS, std::env::consts::ARCH)?;
    let wheels = &source.wheels;
    let pins = wheels.pins(workspace)?;
    let folder = workspace.plugin_folder(&device.name());
    let is_complete = || fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == pins);
    if is_complete() {
        return Ok(folder);
    }
    let staging = Staging::take(&workspace.target)?;
    if is_complete() {
        return Ok(folder);
    }
    println!("fetching {} with pip: {} MB", wheels.what, wheels.megabytes);
    wheels.unpack(workspace, staging.path())?;
    let unpacked = staging.path().join(source.module);
    complete(staging.path(), &unpacked, &source)?;
    // It is written last, so if it is there, everything is.
    fs::write(unpacked.join(STAMP), &pins)?;
    if folder.exists() {
        fs::rename(&folder, staging.path().join("earlier"))
            .with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    fs::rename(&unpacked, &folder)?;
    Ok(folder)
}

/// Adds the licences of the wheel to its files, and the names of libraries that the wheel's Python code would add.
fn complete(staging: &Path, unpacked: &Path, source: &Source) -> Result<()> {
    if !unpacked.is_dir() {
        bail!("the wheel does not contain {}", source.module);
    }
    for information in entries_in(staging, "dist-info")? {
        let licences = information.join("licenses");
        if licences.is_dir() {
            fs::rename(licences, unpacked.join("licenses"))?;
        }
    }
    for entry in fs::read_dir(unpacked)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        for library in source.unversioned {
            let Some(version) = name.strip_prefix(&format!("{library}.so.")) else {
                continue;
            };
            let major = version.split('.').next().unwrap_or(version);
            for alias in [format!("{library}.so"), format!("{library}.so.{major}")] {
                link(&name, &unpacked.join(alias))?;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(name: &str, alias: &Path) -> Result<()> {
    match alias.exists() {
        true => Ok(()),
        false => Ok(std::os::unix::fs::symlink(name, alias)?),
    }
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_for_the_platforms_on_which_they_run() {
        let platform = |device: PluginDevice, system, processor| {
            let source = device.source(system, processor);
            source.map(|source| source.wheels.platforms[0])
        };
        let linux = platform(PluginDevice::OpenVino, "linux", "x86_64");
        assert_eq!(linux.unwrap(), "manylinux_2_28_x86_64");
        let mac = platform(PluginDevice::Mlx, "macos", "aarch64");
        assert_eq!(mac.unwrap(), "macosx_14_0_arm64");
        let error = platform(PluginDevice::Mlx, "linux", "x86_64").unwrap_err();
        assert!(error.to_string().contains("linux"), "{error}");
        assert!(platform(PluginDevice::OpenVino, "linux", "aarch64").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn licences_and_the_names_that_libraries_are_opened_by_are_added() {
        let staging = tempfile::tempdir().unwrap();
        let source = PluginDevice::TensorrtRtx.source("linux", "x86_64").unwrap();
        let unpacked = staging.path().join(source.module);
        let licences = staging.path().join("x-1.0.dist-info/licenses");
        for folder in [&unpacked, &licences] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(licences.join("LICENSE"), "").unwrap();
        fs::write(unpacked.join("libtensorrt_rtx.so.1.7.1"), "library").unwrap();
        fs::write(unpacked.join("libtensorrt_plugins.so"), "").unwrap();
        complete(staging.path(), &unpacked, &source).unwrap();
        for alias in ["libtensorrt_rtx.so", "libtensorrt_rtx.so.1"] {
            assert_eq!(fs::read_to_string(unpacked.join(alias)).unwrap(), "library");
        }
        assert!(unpacked.join("licenses/LICENSE").is_file());
        assert_eq!(fs::read_dir(&unpacked).unwrap().count(), 5);
    }

    #[test]
    fn a_wheel_without_the_plugin_is_refused() {
        let staging = tempfile::tempdir().unwrap();
        let source = PluginDevice::OpenVino.source("linux", "x86_64").unwrap();
        let unpacked = staging.path().join(source.module);
        let error = complete(staging.path(), &unpacked, &source).unwrap_err();
        assert!(error.to_string().contains(source.module), "{error}");
    }
}

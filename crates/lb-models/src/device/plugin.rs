//! Execution providers that are plugins: libraries of their own, which ONNX Runtime loads when it is asked to,
//! and which then list the devices of this machine that they can use.
//!
//! Package indexes of Python carry them. `cargo xtask setup --device NAME` puts one into a folder beside that of
//! ONNX Runtime, and where pip has installed one beside ONNX Runtime's package, it is found there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lb_export::Precision;
use lb_files::FileIdentity;
use ort::memory::DeviceType;
use serde_json::json;

use super::problem::{DeviceProblem, own_words};
use super::{Device, compiled, nvidia};
use crate::error::ModelError;
use crate::node_placement::CPU;
use crate::runtime::Runtime;
use crate::session::SessionRequest;

/// A plugin, and what this program knows of it.
#[derive(Debug)]
pub(super) struct Plugin {
    device: Device,
    /// What ONNX Runtime calls the provider, and lists its devices under.
    pub(super) provider: &'static str,
    /// The package in Python's index.
    package: &'static str,
    /// The folder of the package's files where pip installs it.
    module: &'static str,
    /// The library without the system's prefix and suffix.
    library: &'static str,
    /// Libraries in the same folder, without their versions, that the plugin links to but does not find by
    /// itself. Each comes after those that it links to.
    links_to: &'static [&'static str],
    /// The kinds of devices that are used, most wanted first.
    hardware: &'static [DeviceType],
    /// The machines on which it lists devices, for messages.
    pub(super) runs_on: &'static str,
}

/// All plugins.
static PLUGINS: [Plugin; 4] = [
    // A processor for neural networks (NPU) takes models that were made for it.
    Plugin {
        device: Device::OpenVino,
        provider: "OpenVINOExecutionProvider",
        package: "onnxruntime-ep-openvino",
        module: "onnxruntime_ep_openvino",
        library: "onnxruntime_providers_openvino_plugin",
        links_to: &[],
        hardware: &[DeviceType::GPU, DeviceType::CPU],
        runs_on: "CPUs and GPUs made by Intel",
    },
    Plugin {
        device: Device::WebGpu,
        provider: "WebGpuExecutionProvider",
        package: "onnxruntime-ep-webgpu",
        module: "onnxruntime_ep_webgpu",
        library: "onnxruntime_providers_webgpu",
        links_to: &[],
        hardware: &[DeviceType::GPU],
        runs_on: "GPUs with Vulkan, Metal or Direct3D 12",
    },
    Plugin {
        device: Device::Mlx,
        provider: "MLXExecutionProvider",
        package: "onnxruntime-ep-mlx",
        module: "onnxruntime_ep_mlx",
        library: "onnxruntime_mlx_ep",
        links_to: &[],
        hardware: &[DeviceType::GPU, DeviceType::CPU],
        runs_on: "Macs with Apple's own processors",
    },
    Plugin {
        device: Device::TensorRtRtx,
        provider: "NvTensorRTRTXExecutionProvider",
        package: "onnxruntime-ep-nv-tensorrt-rtx-cu13",
        module: "onnxruntime_ep_nv_tensorrt_rtx",
        library: "onnxruntime_providers_nv_tensorrt_rtx",
        links_to: &["libcudart", "libtensorrt_rtx", "libtensorrt_onnxparser_rtx"],
        hardware: &[DeviceType::GPU],
        runs_on: "NVIDIA's RTX GPUs of the series 30 (compute capability 8.6) and later",
    },
];

/// The plugins that ONNX Runtime has loaded, or the reasons why it could not. It refuses to load one twice.
static REGISTERED: Mutex<BTreeMap<Device, Result<(), String>>> = Mutex::new(BTreeMap::new());

/// A device that ONNX Runtime lists.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Listed {
    /// The provider that can use it.
    provider: String,
    hardware: DeviceType,
    vendor: String,
}

/// Devices that ONNX Runtime lists, as they are added to a session.
pub(crate) struct ListedDevices {
    pub(crate) devices: Vec<ort::device::Device<'static>>,
    pub(crate) options: Vec<(String, String)>,
}

impl ListedDevices {
    /// The processor, with ONNX Runtime's own provider.
    ///
    /// A session without any provider would get one of those that were registered: `ort` asks ONNX Runtime to
    /// choose the most efficient of them (`AutoDevicePolicy::MaxEfficiency`).
    pub(crate) fn cpu(runtime: Runtime) -> Self {
        let devices = runtime.environment().devices();
        let devices = devices.filter(|device| device.ep().is_ok_and(|name| name == CPU));
        Self {
            devices: devices.collect(),
            options: Vec::new(),
        }
    }
}

impl Plugin {
    /// The plugin of a device; `None` if the device's provider is a part of ONNX Runtime.
    pub(super) fn of(device: Device) -> Option<&'static Self> {
        PLUGINS.iter().find(|plugin| plugin.device == device)
    }

    /// Finds the plugin's library and lets ONNX Runtime load it. Then it must list a device that can be used.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub(super) fn look_for(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        let library = self.find(runtime.library())?;
        if self.device == Device::TensorRtRtx {
            nvidia::look_for_driver()?;
        }
        let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = registered.entry(self.device).or_insert_with(|| {
            self.load_links(&library)?;
            let registering = runtime
                .environment()
                .register_ep_library(self.package, &library);
            registering.map_err(|error| own_words(&error.to_string()))
        });
        if let Err(reason) = outcome {
            let reason = reason.clone();
            return Err(DeviceProblem::PluginUnusable { library, reason });
        }
        drop(registered);
        let listed = list(runtime);
        match self.choose(&listed) {
            Some(_) => Ok(()),
            None => Err(DeviceProblem::NotListed {
                device: self.device,
                runs_on: self.runs_on,
                found: hardware_of(&listed),
            }),
        }
    }

    /// Whether sessions of this plugin run on the processor.
    pub(super) fn uses_cpu(&self, runtime: Runtime) -> bool {
        let listed = list(runtime);
        let chosen = self.choose(&listed);
        chosen.is_some_and(|index| listed[index].hardware == DeviceType::CPU)
    }

    /// The plugin's library, without its place, and the kind of device that it uses.
    pub(super) fn description(&self, runtime: Runtime) -> String {
        let listed = list(runtime);
        let hardware = self
            .choose(&listed)
            .map(|index| kind(listed[index].hardware));
        let library = self.find(runtime.library()).ok();
        let library = library.and_then(|library| FileIdentity::of(&library).ok());
        let library = library.map(|library| (library.bytes, library.modified));
        format!("{library:?} {hardware:?}")
    }

    /// The devices that sessions of this plugin get, and their options. None if [`Self::look_for`] has not
    /// succeeded.
    ///
    /// # Errors
    /// [`ModelError::Unwritable`] and [`ModelError::Unreadable`], if what is compiled is kept.
    pub(super) fn devices(
        &self,
        runtime: Runtime,
        session: Option<&SessionRequest<'_>>,
    ) -> Result<ListedDevices, ModelError> {
        let chosen = self.choose(&list(runtime));
        let devices = runtime.environment().devices();
        let devices: Vec<_> = devices.enumerate().collect();
        let hardware = chosen.map(|index| devices[index].1.hardware_device().ty());
        let mut options = Vec::new();
        if let (Some(hardware), Some(session), Device::OpenVino) = (hardware, session, self.device)
        {
            let settings = openvino_settings(hardware, session)?;
            options.push((format!("{}.load_config", self.provider), settings));
        }
        let devices = devices.into_iter();
        let devices = devices.filter(|(index, _)| Some(*index) == chosen);
        Ok(ListedDevices {
            devices: devices.map(|(_, device)| device).collect(),
            options,
        })
    }

    /// The position of the most wanted device of this plugin in a list.
    fn choose(&self, listed: &[Listed]) -> Option<usize> {
        let find = |hardware: &DeviceType| {
            let is_wanted =
                |device: &Listed| device.provider == self.provider && device.hardware == *hardware;
            listed.iter().position(is_wanted)
        };
        self.hardware.iter().find_map(find)
    }

    /// The path of the plugin's library.
    fn find(&self, runtime_library: &Path) -> Result<PathBuf, DeviceProblem> {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let name = format!("{prefix}{}{suffix}", self.library);
        let searched = self.folders(runtime_library);
        let libraries = searched.iter().map(|folder| folder.join(&name));
        let found = libraries.into_iter().find(|library| library.is_file());
        found.ok_or(DeviceProblem::NoPlugin {
            package: self.package,
            device: self.device,
            searched,
        })
    }

    /// The folders that may contain the plugin: the one that `cargo xtask setup` fills, if that task has also
    /// fetched ONNX Runtime, as `onnxruntime/NAME` or `onnxruntime-gpu/NAME`; and the one where pip installs it, if
    /// pip has also installed ONNX Runtime, as `onnxruntime/capi/NAME`. The folders above any other library may be
    /// anybody's.
    fn folders(&self, runtime_library: &Path) -> Vec<PathBuf> {
        let folder = runtime_library.parent().unwrap_or(Path::new(""));
        let fetched = ["onnxruntime", "onnxruntime-gpu"]
            .iter()
            .any(|name| folder.ends_with(name))
            .then(|| folder.with_file_name(format!("onnxruntime-{}", self.device)));
        let installed = folder.ends_with("onnxruntime/capi").then(|| {
            folder
                .parent()
                .map(|package| package.with_file_name(self.module))
        });
        [fetched, installed.flatten()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Loads the libraries that the plugin would not find by itself. The error is the system's message.
    fn load_links(&self, library: &Path) -> Result<(), String> {
        let folder = library.parent().unwrap_or(Path::new("."));
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        for name in self.links_to {
            let of_this_name = |file: &&PathBuf| {
                let found = file.file_name().unwrap_or_default().to_string_lossy();
                found.split(".so").next() == Some(name)
            };
            if let Some(file) = files.iter().find(of_this_name) {
                nvidia::load(file)?;
            }
        }
        Ok(())
    }
}

/// The settings of OpenVINO for a session on this kind of device, as JSON.
fn openvino_settings(
    hardware: DeviceType,
    session: &SessionRequest<'_>,
) -> Result<String, ModelError> {
    let mut settings = serde_json::Map::new();
    // Without this, OpenVINO computes in the narrowest numbers for which the device has instructions.
    if session.options.precision == Precision::Float32 && !session.options.may_narrow {
        settings.insert("INFERENCE_PRECISION_HINT".into(), json!("f32"));
    }
    if let Some(threads) = session.options.threads
        && hardware == DeviceType::CPU
    {
        settings.insert("INFERENCE_NUM_THREADS".into(), json!(threads.to_string()));
    }
    if let Some(folder) = compiled::folder(session, &json!(settings).to_string())? {
        settings.insert("CACHE_DIR".into(), json!(folder));
    }
    Ok(json!({ kind(hardware): settings }).to_string())
}

/// All devices that ONNX Runtime lists.
fn list(runtime: Runtime) -> Vec<Listed> {
    let devices = runtime.environment().devices();
    let listed = devices.map(|device| Listed {
        provider: device.ep().unwrap_or_default().to_owned(),
        hardware: device.hardware_device().ty(),
        vendor: device
            .hardware_device()
            .vendor()
            .unwrap_or_default()
            .to_owned(),
    });
    listed.collect()
}

/// What the machine has as far as any provider lists it, for messages: `CPU (AMD), GPU (NVIDIA)`.
fn hardware_of(listed: &[Listed]) -> String {
    let mut found: Vec<String> = Vec::new();
    for device in listed {
        let name = match device.vendor.as_str() {
            "" => kind(device.hardware).to_owned(),
            vendor => format!("{} ({vendor})", kind(device.hardware)),
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    match found.is_empty() {
        true => "nothing".into(),
        false => found.join(", "),
    }
}

/// OpenVINO's name for a kind of device, which is also the usual one.
fn kind(hardware: DeviceType) -> &'static str {
    match hardware {
        DeviceType::CPU => "CPU",
        DeviceType::GPU => "GPU",
        DeviceType::NPU => "NPU",
        DeviceType::FPGA => "FPGA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(provider: &str, hardware: DeviceType, vendor: &str) -> Listed {
        Listed {
            provider: provider.into(),
            hardware,
            vendor: vendor.into(),
        }
    }

    fn openvino() -> &'static Plugin {
        Plugin::of(Device::OpenVino).unwrap()
    }

    #[test]
    fn a_gpu_is_preferred_to_a_cpu_and_an_npu_is_not_used() {
        let name = openvino().provider;
        let cpu = listed(name, DeviceType::CPU, "Intel");
        let gpu = listed(name, DeviceType::GPU, "Intel");
        let npu = listed(name, DeviceType::NPU, "Intel");
        let other = listed("CPUExecutionProvider", DeviceType::CPU, "Intel");
        let choose = |listed: &[&Listed]| {
            let listed: Vec<Listed> = listed.iter().map(|&device| device.clone()).collect();
            openvino().choose(&listed)
        };
        assert_eq!(choose(&[&other, &npu, &cpu, &gpu]), Some(3));
        assert_eq!(choose(&[&other, &cpu, &npu]), Some(1));
        assert_eq!(choose(&[&other, &npu]), None);
        assert_eq!(choose(&[&other]), None);
    }

    #[test]
    fn devices_of_a_combined_provider_are_not_taken_for_those_of_one() {
        let combined = listed("OpenVINOExecutionProvider.AUTO", DeviceType::CPU, "Intel");
        assert_eq!(openvino().choose(&[combined]), None);
    }

    #[test]
    fn a_machine_is_described_by_what_is_listed() {
        let cpu = listed("CPUExecutionProvider", DeviceType::CPU, "AMD");
        let gpu = listed("CUDAExecutionProvider", DeviceType::GPU, "NVIDIA");
        let twice = [cpu.clone(), cpu, gpu];
        assert_eq!(hardware_of(&twice), "CPU (AMD), GPU (NVIDIA)");
        assert_eq!(hardware_of(&[]), "nothing");
    }

    #[test]
    fn a_plugin_is_found_beside_the_runtime_and_in_its_python_environment() {
        let root = tempfile::tempdir().unwrap();
        let name = format!(
            "{}{}{}",
            std::env::consts::DLL_PREFIX,
            openvino().library,
            std::env::consts::DLL_SUFFIX
        );
        let fetched = root
            .path()
            .join("target/onnxruntime/libonnxruntime.so.1.31.1");
        let installed = root
            .path()
            .join("site-packages/onnxruntime/capi/libonnxruntime.so.1.31.1");
        let Err(DeviceProblem::NoPlugin { searched, .. }) = openvino().find(&fetched) else {
            panic!("found nothing")
        };
        assert_eq!(searched[0], root.path().join("target/onnxruntime-openvino"));
        for (runtime, folder) in [
            (&fetched, "target/onnxruntime-openvino"),
            (&installed, "site-packages/onnxruntime_ep_openvino"),
        ] {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&name), "").unwrap();
            assert_eq!(openvino().find(runtime).unwrap(), folder.join(&name));
        }

        // Beside a library in any other folder, nothing is loaded that happens to lie there.
        let elsewhere = root.path().join("target/downloads/libonnxruntime.so");
        let Err(DeviceProblem::NoPlugin { searched, .. }) = openvino().find(&elsewhere) else {
            panic!("found something that nobody has put there for lb")
        };
        assert!(searched.is_empty(), "{searched:?}");
    }
}

//! The device on which films are rendered, as it was chosen on the page.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use lb_render::{Device, Runtime, device_reports};
use lb_schedule::{Choice as _, UnknownChoice};

use crate::error::ApiError;

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct ChosenDevice {
    file: PathBuf,
    chosen: Mutex<Device>,
    reports: OnceLock<Vec<DeviceReport>>,
}

/// A device, and why it cannot be used if it cannot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DeviceReport {
    pub(crate) device: Device,
    pub(crate) missing: Option<String>,
}

/// The file in the folder of the projects that has the name of the chosen device.
const FILE: &str = "device.txt";

impl ChosenDevice {
    /// The device that the program was started with, or if that left the choice open, the one that was last chosen.
    pub(crate) fn load(folder: &Path, given: Device) -> Self {
        let file = folder.join(FILE);
        let last = || {
            let name = lb_files::read_text(&file, 100).ok()?;
            name.trim().parse().ok()
        };
        let chosen = match given {
            Device::Auto => last().unwrap_or(given),
            given => given,
        };
        Self {
            chosen: Mutex::new(chosen),
            reports: OnceLock::new(),
            file,
        }
    }

    /// The device of the next task.
    pub(crate) fn device(&self) -> Device {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every device. All are tried out when this is first asked for, which may take seconds.
    pub(crate) fn reports(&self, runtime: Runtime) -> &[DeviceReport] {
        self.reports.get_or_init(|| {
            let found = device_reports(runtime).into_iter();
            let found = found.map(|report| DeviceReport {
                device: report.device,
                missing: report.missing.map(|problem| problem.to_string()),
            });
            let automatic = DeviceReport {
                device: Device::Auto,
                missing: None,
            };
            std::iter::once(automatic).chain(found).collect()
        })
    }

    /// Chooses the device of all tasks that begin from now on.
    ///
    /// # Errors
    /// A name that no device has, a device that cannot be used, and those of writing the choice.
    pub(crate) fn choose(&self, name: &str, runtime: Runtime) -> Result<Device, ApiError> {
        let device: Device = name
            .parse()
            .map_err(|unknown: UnknownChoice| ApiError::request(unknown.to_string()))?;
        let mut reports = self.reports(runtime).iter();
        let report = reports.find(|report| report.device == device);
        if let Some(missing) = report.and_then(|report| report.missing.as_ref()) {
            return Err(ApiError::request(format!(
                "{device} cannot be used: {missing}"
            )));
        }
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        lb_files::write(&self.file, device.name().as_bytes(), true)?;
        *chosen = device;
        Ok(device)
    }
}

//! Nothing is reported to anybody: ONNX Runtime's telemetry is switched off.

use std::env;

/// The variable that ONNX Runtime reads when its environment is made.
const SWITCH: &str = "ORT_DISABLE_TELEMETRY";

/// Switches off the telemetry of the official builds of ONNX Runtime (1.29 and newer): unless this variable
/// is set, they write an identifier of the machine and descriptions of the process below the cache folder,
/// and send them to the runtime's maker, even where a program has switched off telemetry events. If the
/// user has set the variable, its value stays.
///
/// This must be the first thing that the program does.
#[expect(unsafe_code, reason = "the runtime has no other switch")]
pub(crate) fn switch_off() {
    if env::var_os(SWITCH).is_none() {
        // SAFETY: the program has no other thread yet that could read the environment.
        unsafe { env::set_var(SWITCH, "1") };
    }
}

//! What to do about a device that cannot be used.

use lb_render::DeviceProblem;

/// The next thing to do about the problem, with the command for it.
pub(crate) fn advice(problem: &DeviceProblem) -> &'static str {
    match problem {
        DeviceProblem::NotBuiltIn { .. } | DeviceProblem::NoProvider { .. } => {
            "in a checkout, run `cargo xtask setup --gpu` and leave ORT_DYLIB_PATH unset; elsewhere \
             set ORT_DYLIB_PATH to the libonnxruntime of a build for GPUs"
        }
        DeviceProblem::NoDriver { .. } => {
            "install NVIDIA's driver, 580 or newer (Ubuntu: `sudo ubuntu-drivers install`), until \
             `nvidia-smi` lists the GPU; start a container with `--gpus all`"
        }
        DeviceProblem::NoCuda { .. } => {
            "in a checkout, run `cargo xtask setup --gpu`, which fetches CUDA 13 and cuDNN 9 too; \
             elsewhere install both and name their folders in LD_LIBRARY_PATH"
        }
        DeviceProblem::NoTensorRt { .. } => {
            "install TensorRT 10 for CUDA 13 from developer.nvidia.com and name the folder of \
             libnvinfer in LD_LIBRARY_PATH; --device cuda does without"
        }
        _ => {
            "CUDA 13 needs driver 580 or newer and a GPU of 2018 or later (Turing), which \
             `nvidia-smi` lists; a container needs `--gpus all`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_own_command() {
        let library = "libonnxruntime_providers_cuda.so".into();
        let reason = || String::from("it is not there");
        let steps = [
            (DeviceProblem::NoProvider { library }, "setup --gpu` and"),
            (DeviceProblem::NoDriver { reason: reason() }, "nvidia-smi"),
            (DeviceProblem::NoCuda { reason: reason() }, "cuDNN 9 too"),
            (DeviceProblem::NoTensorRt { reason: reason() }, "libnvinfer"),
            (DeviceProblem::Refused { reason: reason() }, "CUDA 13 needs"),
        ];
        for (problem, command) in steps {
            let advice = advice(&problem);
            assert!(advice.contains(command), "{problem:?}: {advice}");
        }
    }
}

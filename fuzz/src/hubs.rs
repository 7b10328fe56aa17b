//! What a hub answers.

use lb_hub::{Listing, Wanted};

/// A list of files: whatever it says, nothing outside of a repository's folder is chosen.
pub(crate) fn listing(bytes: &[u8]) {
    let Ok(repository) = "some/model".parse() else {
        return;
    };
    let Ok(listing) = Listing::read(&repository, bytes) else {
        return;
    };
    for file in &listing.files {
        let is_inside = !file
            .path
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."));
        assert!(is_inside, "{:?}", file.path);
        let digits = file.hash.digits();
        assert!(
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{digits:?}"
        );
    }
    let _ = listing.select(&Wanted::default());
}

pub(crate) fn listing_seeds() -> Vec<Vec<u8>> {
    let (commit, hash) = ("0123456789".repeat(4), "0123456789abcdef".repeat(4));
    let file =
        |path: &str| format!(r#"{{"rfilename": "{path}", "blobId": "{commit}", "size": 7}}"#);
    let large = |path: &str| {
        format!(r#"{{"rfilename": "{path}", "size": 9, "lfs": {{"sha256": "{hash}", "size": 9}}}}"#)
    };
    let of = |files: &[String]| {
        let files = files.join(", ");
        format!(r#"{{"sha": "{commit}", "tags": ["license:mit"], "siblings": [{files}]}}"#)
    };
    let model = [
        file("model_index.json"),
        file("scheduler/scheduler_config.json"),
        file("tokenizer/tokenizer.json"),
        file("text_encoder/config.json"),
        file("unet/config.json"),
        file("vae/config.json"),
        large("text_encoder/pytorch_model.bin"),
        file("unet/diffusion_pytorch_model.safetensors.index.json"),
        large("unet/diffusion_pytorch_model-00001-of-00001.safetensors"),
        large("vae/diffusion_pytorch_model.fp16.safetensors"),
    ];
    let lora = [file("README.md"), large("style.safetensors")];
    let outside = [file("../x"), file("C:/x"), file("a/./b")];
    [of(&model), of(&lora), of(&outside)]
        .map(String::into_bytes)
        .into()
}

//! The choice of the device.

use lb_render::{Device, PipelineOptions, SessionOptions};
use serde_json::json;

use crate::client::TestStudio;

#[test]
fn a_device_is_chosen_and_remembered() {
    let open_choice = |device| PipelineOptions::from(SessionOptions::new(device).with_threads(1));
    let studio = TestStudio::with(|options| options.pipeline = open_choice(Device::Auto));
    let browser = studio.browser();
    assert_eq!(browser.get("/api/studio").granted()["device"], "auto");
    let devices = browser.get("/api/devices").granted();
    let named = |name: &str| {
        let devices = devices.as_array().unwrap().iter();
        devices.clone().find(|at| at["name"] == name).unwrap()
    };
    assert_eq!(named("auto").get("missing"), None);
    assert_eq!(named("cpu").get("missing"), None);
    assert_eq!(named("cpu")["help"], "The processor.");
    // No ONNX Runtime for processors has TensorRT.
    let missing = named("tensorrt")["missing"].as_str().unwrap();
    let refused = browser.with_json("PUT", "/api/devices", &json!({ "device": "tensorrt" }));
    assert!(refused.refused(400).contains(missing));
    let unknown = browser.with_json("PUT", "/api/devices", &json!({ "device": "abacus" }));
    assert!(unknown.refused(400).contains("abacus"));
    assert_eq!(browser.get("/api/studio").granted()["device"], "auto");

    let chosen = browser.with_json("PUT", "/api/devices", &json!({ "device": "cpu" }));
    assert_eq!(chosen.granted()["device"], "cpu");
    let studio = studio.reopened(|options| options.pipeline = open_choice(Device::Auto));
    assert_eq!(
        studio.browser().get("/api/studio").granted()["device"],
        "cpu"
    );
    // The start of the program counts more.
    let studio = studio.reopened(|options| options.pipeline = open_choice(Device::Cuda));
    assert_eq!(
        studio.browser().get("/api/studio").granted()["device"],
        "cuda"
    );
}

#[test]
fn visitors_of_a_demonstration_choose_no_device() {
    let studio = TestStudio::with(|options| options.demo = true);
    let visitor = studio.browser();
    assert!(
        visitor
            .get("/api/devices")
            .refused(403)
            .contains("demonstration")
    );
    let choice = visitor.with_json("PUT", "/api/devices", &json!({ "device": "cpu" }));
    assert!(choice.refused(403).contains("demonstration"));
}
